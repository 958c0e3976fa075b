// Says in words that no passkey was used, instead of an error in the console that nobody reads.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  for (const note of document.querySelectorAll("[data-passkey-problem]")) note.hidden = false;
});
