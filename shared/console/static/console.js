/* The console works without this script. It keeps a page fresh, sends a form once, and lets "/" reach the search. */
"use strict";

const EVERY_MS = 5000;

/* A form is sent once, however often the button is pressed. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 10000);
  }
});

document.addEventListener("keydown", (event) => {
  const busy = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement;
  const search = document.querySelector("[data-search]");
  if (event.key === "/" && !busy && !event.ctrlKey && !event.metaKey && !event.altKey && search) {
    event.preventDefault();
    search.focus();
  }
});

/* Parts marked data-live are read anew; a part in which somebody is at work is left alone. */
function inUse(part) {
  if (part.contains(document.activeElement)) return true;
  if (part.querySelector("form[data-sent], details[open]:not([data-open])")) return true;
  return [...part.querySelectorAll("input, textarea, select")].some((field) =>
    field.type === "checkbox" ? field.checked !== field.defaultChecked : field.tagName !== "SELECT" && field.value !== field.defaultValue);
}

function withoutTokens(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("input[name=token]").forEach((token) => token.remove());
  return copy.innerHTML;
}

/* A page that is open for long keeps a token that is good. */
function renewTokens(fresh) {
  const token = fresh.querySelector("input[name=token]");
  if (token) document.querySelectorAll("input[name=token]").forEach((old) => { old.value = token.value; });
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin", redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  renewTokens(fresh);
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!now || inUse(part) || withoutTokens(part) === withoutTokens(now)) continue;
    const said = part.dataset.says !== now.dataset.says ? now.dataset.says : "";
    part.replaceWith(document.importNode(now, true));
    const region = document.getElementById("news");
    if (said && region) region.textContent = said;
  }
}

if (document.querySelector("[data-live]")) {
  setInterval(() => refresh().catch(() => {}), EVERY_MS);
}

/* After an action or a refusal the word about it is where a screen reader begins. */
const word = document.querySelector("[data-word]");
if (word) word.focus();
