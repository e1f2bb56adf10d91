"""What no price and no balance has ever been: beyond it a number was read in another scale (CONTRACT 7).

The first balance of an account and the first price of a pair have nothing before them to be compared with, and a wrong scale
repeats itself. So these bounds hold from the beginning, far above what is and below what a shift by 8 digits makes of it.
"""

from __future__ import annotations

HIGHEST_PRICES = {
    **dict.fromkeys(("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "SGD", "USDT", "USDC"), "10000000"),
    **dict.fromkeys(("AED", "BRL", "CNY", "DKK", "HKD", "MXN", "NOK", "PLN", "SEK", "ZAR"), "100000000"),
    **dict.fromkeys(("INR", "JPY", "THB", "TRY", "TWD"), "1000000000"),
    "KRW": "10000000000",
    "IDR": "200000000000",
}
"""By currency: about ten million dollars, some eighty times the dearest coin there ever was."""

SUPPLY = {
    "BTC": "21000000",
    "BCH": "21000000",
    "LTC": "84000000",
    "ZEC": "21000000",
    "ETH": "200000000",
    "XRP": "100000000000",
    "ADA": "45000000000",
}
"""The most that there can be of an asset, by its protocol; ETH has no cap, and by far less."""
