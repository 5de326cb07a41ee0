// What the pages gain when scripts run. Nothing here is needed to use them, copy buttons apart.
"use strict";

const find = (name, root = document) => root.querySelectorAll(`[data-${name}]`);

function announce(words) {
  const place = document.getElementById("announcement");
  if (place) place.textContent = words;
}

// Copy buttons: data-copy names the element whose text is copied; data-copied is the word that follows.
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.textContent.trim());
  const words = button.querySelector("[data-copy-words]") ?? button;
  const before = words.textContent;
  words.textContent = button.dataset.copied;
  announce(button.dataset.copied);
  setTimeout(() => { words.textContent = before; }, 2000);
}

// A link or button with data-dialog opens the dialog of that id instead of going to its confirmation page.
function openDialog(event, opener) {
  const dialog = document.getElementById(opener.dataset.dialog);
  if (!dialog?.showModal) return;
  event.preventDefault();
  dialog.showModal();
}

// A time element with data-countdown counts its seconds down; then the element in data-hides goes.
function countDown(clock) {
  const end = Date.now() + Number(clock.dataset.countdown) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) return setTimeout(tick, 250);
    const hidden = document.getElementById(clock.dataset.hides);
    const after = document.getElementById(clock.dataset.shows);
    hidden?.replaceChildren();
    if (hidden) hidden.hidden = true;
    if (after) after.hidden = false;
    return undefined;
  };
  tick();
}

// A bar with data-selection follows the check boxes of the form around it. What is selected on other pages
// stands in data-on-other-pages; the box data-select-found means everything that was found, whose number (with a
// plus sign where there is more than was counted) stands in data-found.
function countSelected(form) {
  const boxes = [...form.querySelectorAll(".row-select")];
  const here = boxes.filter((box) => box.checked).length;
  for (const bar of find("selection", form)) {
    const everything = bar.querySelector("[data-select-found]")?.checked ?? false;
    const ticked = here + Number(bar.dataset.onOtherPages ?? 0);
    const selected = everything ? bar.dataset.found : ticked.toLocaleString(document.documentElement.lang);
    bar.hidden = !everything && ticked === 0;
    for (const place of find("selection-count", bar)) place.textContent = selected;
  }
  for (const all of find("select-all", form)) {
    all.checked = here > 0 && here === boxes.length;
    all.indeterminate = here > 0 && here < boxes.length;
  }
}

function follow(root) {
  find("countdown", root).forEach(countDown);
  find("needs-script", root).forEach((element) => { element.hidden = false; });
  for (const bar of find("selection", root)) countSelected(bar.closest("form"));
}

document.addEventListener("click", (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) copy(copier);
  const opener = event.target.closest("[data-dialog]");
  if (opener) openDialog(event, opener);
  if (event.target.closest("[data-print]")) window.print();
  const closer = event.target.closest("[data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
  }
  if (event.target.matches("dialog")) event.target.close();
});

document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (event.target.matches("[data-select-all], [data-select-found]")) {
    for (const box of form.querySelectorAll(".row-select:not(:disabled)")) box.checked = event.target.checked;
  }
  // Who unticks a row does not mean everything any more.
  if (event.target.matches("[data-select-all], .row-select") && !event.target.checked) {
    for (const everything of find("select-found", form)) everything.checked = false;
  }
  if (event.target.matches("[data-select-all], [data-select-found], .row-select")) countSelected(form);
});

// What has come without a new page is said: data-announce marks the words.
document.addEventListener("htmx:afterSettle", (event) => {
  follow(event.target);
  const page = event.target.id === "content";
  const words = event.target.querySelector(page ? ".flashes" : "[data-announce]");
  if (words) announce(words.textContent.replace(/\s+/g, " ").trim());
  if (page) event.target.focus();
});

// What a dialog showed before is gone while the next thing is on its way: nobody decides on the wrong one.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.dataset.dialog) event.detail.target.replaceChildren();
});

// What did not work is said, as nothing else of the page would; what asks by itself just asks again. Whoever
// leaves the page breaks its requests off, which is no trouble.
let leaving = false;
window.addEventListener("beforeunload", () => { leaving = true; });
document.addEventListener("htmx:beforeRequest", () => { leaving = false; });
for (const trouble of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(trouble, (event) => {
    const asksAgain = event.target.getAttribute("hx-trigger")?.startsWith("every");
    const dialog = document.getElementById("trouble");
    if (!asksAgain && !leaving && dialog && !dialog.open) dialog.showModal();
  });
}

follow(document);
document.querySelector("[data-focus]")?.focus();
// On a phone not every tab fits beside the others: the present one is in view.
for (const tab of document.querySelectorAll(".portal-tabs [aria-current], .section-list [aria-current]")) {
  tab.scrollIntoView({ block: "nearest", inline: "center" });
}
