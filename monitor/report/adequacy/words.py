"""The words of a report in its language: English stands in the code, others in `locale`, one catalogue for every format."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
LOCALE = Path(__file__).with_name("locale")
DOMAIN = "report"


def word(text: str) -> str:
    """Marks a text that is translated where it is shown."""
    return text


class Words:
    """Texts in one language; English where the catalogue lacks one."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._catalogue = _catalogue(language)

    def say(self, text: str, **values: object) -> str:
        """The text translated, with its values put in."""
        said = self._catalogue.gettext(text)
        return said.format(**values) if values else said

    def of(self, vocabulary: Mapping[str, str], name: str) -> str:
        """A closed vocabulary's word translated; one that it lacks as it is."""
        return self.say(vocabulary[name]) if name in vocabulary else name.replace("_", " ")


STATES = {
    "adequate": word("Adequate"),
    "watch": word("Watch"),
    "shortfall": word("Shortfall"),
    "unknown": word("Unknown"),
    "not_computable": word("Not computable"),
}
MODES = {"in_force": word("in force"), "shadow": word("shadow")}
PARTS = {
    "price": word("Prices"),
    "balance": word("Balances"),
    "volume": word("Trade volume"),
    "incident": word("Incidents"),
    "declaration": word("Declarations"),
    "method": word("The method"),
    "data_quality": word("What is known"),
}
GAPS = {
    "price_missing": word("No price of {subject} was ever received"),
    "price_stale": word("The price of {subject} was too old"),
    "price_outlier": word("The prices of {subject} disagreed"),
    "position_missing": word("No position in the role {subject} was ever received"),
    "position_stale": word("An account of {subject} did not report within its limit"),
    "position_outlier": word("A balance in the role {subject} was far from the one before"),
    "declaration_missing": word("{subject} was not declared, or its declaration had expired"),
    "source_behind": word("{subject} said only what was long before"),
    "source_silent": word("Nothing came from {subject} within its limit"),
    "source_unhealthy": word("Too many records of {subject} were refused"),
    "record_rejected": word("A record of {subject} was refused"),
    "records_lost": word("Records of {subject} were lost or may have counted twice"),
    "group_incomplete": word("A group of positions ({subject}) came without all its members"),
    "quantity_unknown": word("What incident {subject} cost was not known in full"),
    "window_short": word("{subject} had less history than the rule asks"),
    "parameter_null": word("The rule's figure {subject} is not set by law"),
    "not_in_force": word("{subject} was not in force"),
    "no_rate": word("The rule has no rate for {subject}"),
    "asset_ambiguous": word("{subject} may be a coin or a currency"),
    "keys_unsafe": word("Trades of {subject} were keyed so that one may count twice"),
}
EFFECTS = {
    "required": word("what is required"),
    "available": word("what is available"),
    "both": word("both sides"),
    "figures": word("figures beside the result"),
}
ENDS = {
    "met": word("the rule was met again"),
    "not_applicable": word("the rule was switched off"),
    "not_asked": word("the rule asked for it no longer"),
    "open": word("not ended"),
}
ALERT_REASONS = {
    "entered": word("entered"),
    "escalated": word("escalated"),
    "eased": word("eased"),
    "updated": word("updated"),
    "reopened": word("opened again"),
    "recovered": word("recovered"),
    "ended": word("ended"),
    "method_changed": word("the method changed"),
}
SEVERITIES = {
    "info": word("information"),
    "warning": word("warning"),
    "low": word("low"),
    "medium": word("medium"),
    "high": word("high"),
    "critical": word("critical"),
}
INCIDENT_STATUSES = {
    "suspected": word("suspected"),
    "confirmed": word("confirmed"),
    "contained": word("contained"),
    "closed": word("closed"),
    "withdrawn": word("withdrawn"),
}
INCIDENT_KINDS = {
    "hot_wallet_theft": word("theft from a hot wallet"),
    "cold_wallet_theft": word("theft from a cold wallet"),
    "key_compromise": word("compromised key"),
    "insider_theft": word("theft by an insider"),
    "signing_tamper": word("tampering with signing"),
    "smart_contract_exploit": word("exploit of a smart contract"),
    "custodian_failure": word("failure of a custodian"),
    "withdrawal_fraud": word("withdrawal fraud"),
    "system_outage": word("system outage"),
    "misbooking": word("wrong booking"),
    "key_loss": word("loss of a key"),
    "other": word("other"),
}


@cache
def _catalogue(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE, [language])
