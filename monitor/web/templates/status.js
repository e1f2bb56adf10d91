"use strict";
// Replaces the figures every few seconds; opened details stay open. Without an answer the page loses its colours and says so.
const everyMs = 5000;
let answeredAt = Date.now();

async function refresh() {
  const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: AbortSignal.timeout(everyMs) });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
  document.getElementById("main").replaceWith(page.getElementById("main"));
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  document.title = page.title;
  answeredAt = Date.now();
  show(page.getElementById("fresh").textContent, false);
}

function show(text, lost) {
  document.body.classList.toggle("lost", lost);
  document.getElementById("fresh").textContent = text;
}

async function tick() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    show(`No answer for ${Math.round((Date.now() - answeredAt) / 1000)} s: these figures may be wrong by now`, true);
  }
  setTimeout(tick, everyMs);
}

setTimeout(tick, everyMs);
document.addEventListener("visibilitychange", () => document.hidden || refresh().catch(() => undefined));
