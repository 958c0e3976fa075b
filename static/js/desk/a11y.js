// What unfold leaves to the mouse and to the eye, for keyboards and screen readers: its icons are words in a font and
// would be read aloud, and its menus are opened by spans that no key reaches.
(() => {
  "use strict";
  const NAMES = {
    add: "Add", arrow_back: "Back", arrow_circle_down: "Reverse the sort order",
    cancel: "Remove from sorting", close: "Close the menu", delete: "Delete", more_horiz: "More", more_vert: "Add or change",
    search: "Search", settings: "Your desk", unfold_more: "Your account",
  };
  const POINTER_ONLY = ":is(a:not([href]), span, div)[x-on\\:click]:not(#changelist-filter-close, [role=button])";
  const ICON = ".material-symbols-outlined";

  // The part of the page that a control shows and hides, as Alpine has it.
  const shownBy = (control) => {
    const does = control.getAttribute("x-on:click") ?? "";
    const flag = does.includes("sidebarToggle") ? "sidebarOpen" : does.match(/(\w+) = /)?.[1];
    for (let place = control; flag && place; place = place.parentElement) {
      const found = place.querySelector(`[x-show="${flag}"]`);
      if (found) return found;
    }
    return null;
  };

  const tellWhetherOpen = (control) => {
    const part = shownBy(control);
    if (!part) return;
    const tell = () => control.setAttribute("aria-expanded", String(part.style.display !== "none"));
    tell();
    new MutationObserver(tell).observe(part, { attributes: true, attributeFilter: ["style"] });
  };

  const makeButton = (place) => {
    place.setAttribute("role", "button");
    place.tabIndex = 0;
    tellWhetherOpen(place);
  };

  const nameIcon = (icon) => {
    const said = icon.textContent.trim();
    const control = icon.closest("a, button, [role=button]");
    if (control !== icon) icon.setAttribute("aria-hidden", "true");
    if (!control || control.ariaLabel) return;
    const alone = control.textContent.trim() === said;
    if (alone && control.title) control.ariaLabel = control.title;
    else if (alone && NAMES[said]) control.ariaLabel = NAMES[said];
    else if (said === "unfold_more") control.ariaLabel = `${NAMES[said]}: ${control.innerText.replace(said, "").trim().split("\n").pop()}`;
  };

  const mend = () => {
    document.querySelectorAll(POINTER_ONLY).forEach(makeButton);
    document.querySelectorAll("button[x-on\\:click]:not([aria-expanded])").forEach(tellWhetherOpen);
    document.querySelectorAll(`${ICON}:not([aria-hidden])`).forEach(nameIcon);
    // Django names these by their title; the picture that unfold draws with CSS takes its place.
    for (const button of document.querySelectorAll(".datetimeshortcuts button[aria-labelledby]")) {
      const icon = button.firstElementChild;
      button.ariaLabel = icon.title;
      icon.setAttribute("aria-hidden", "true");
      button.removeAttribute("aria-labelledby");
    }
  };

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.("[role=button][x-on\\:click]") || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.target.click();
  });

  // Letters alone are no commands: whoever speaks to the computer, or slips, would open a form with each "c".
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key.length === 1 && event.key !== " " && !typing && !event.ctrlKey && !event.metaKey) event.stopImmediatePropagation();
  }, true);

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("main")?.setAttribute("role", "main");
    document.getElementById("searchbar")?.setAttribute("aria-label", "Search");
    const content = document.getElementById("content");
    if (content) {
      content.tabIndex = -1;
      const skip = document.createElement("a");
      skip.className = "us-skip";
      skip.href = "#content";
      skip.textContent = "Skip to content";
      document.body.prepend(skip);
    }
    // What was refused is the first thing that is read; each field says what is wrong with it.
    const refused = document.querySelector(".errornote");
    if (refused) {
      refused.tabIndex = -1;
      refused.focus();
    }
    mend();
    new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
  });
})();
