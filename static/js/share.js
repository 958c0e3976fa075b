// The phone's own way to share, where there is one. Every other way on the page works without this file.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-share]")) {
    if (!navigator.share) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.share({ text: button.dataset.words, url: button.dataset.share });
      } catch { /* Whoever closes the sheet shares nothing. */ }
    });
  }
})();
