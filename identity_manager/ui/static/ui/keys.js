// Keys: / to the search field, arrows or j and k through the rows of a list, ? for the sheet that says so.
// None acts while somebody types, with a modifier, or under an open dialog or menu.
"use strict";

{
  const TYPING = "input, textarea, select, [contenteditable]";
  const ROWS = "main tbody tr, main .files > li";
  const BELOW = new Set(["ArrowDown", "j"]);
  const ABOVE = new Set(["ArrowUp", "k"]);

  const link = (row) => row.querySelector("th a[href], .file-words a[href]") ?? row.querySelector("a[href]");
  const isSeen = (element) => element.checkVisibility();

  function rows() {
    return [...document.querySelectorAll(ROWS)].filter((row) => isSeen(row) && link(row));
  }

  // From the row that has the focus to the next one; into the list from nowhere. False at its end.
  function move(step) {
    const list = rows();
    const here = list.findIndex((row) => row.contains(document.activeElement));
    const next = list[here < 0 ? (step > 0 ? 0 : list.length - 1) : here + step];
    if (!next) return false;
    link(next).focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  // Arrows scroll, wherever something else than a row or the page itself has the focus.
  function arrowsAreFree() {
    const focused = document.activeElement;
    return focused === document.body || focused.id === "content" || Boolean(focused.closest(ROWS));
  }

  function search() {
    const field = document.querySelector("[data-search]");
    if (!field) return false;
    field.focus();
    field.select();
    return true;
  }

  function sheet() {
    const dialog = document.getElementById("keys");
    dialog?.showModal();
    return Boolean(dialog);
  }

  function act(key) {
    if (key === "/") return search();
    if (key === "?") return sheet();
    if (!BELOW.has(key) && !ABOVE.has(key)) return false;
    if (key.startsWith("Arrow") && !arrowsAreFree()) return false;
    return move(BELOW.has(key) ? 1 : -1);
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && event.key.startsWith("Arrow")) return;
    if (event.target.closest?.(TYPING) || document.querySelector("dialog[open], :popover-open")) return;
    if (act(event.key)) event.preventDefault();
  });
}
