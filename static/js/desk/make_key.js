// Makes an identity in this browser, has it saved, sees that it was, and only then lets its public half be registered.

const root = document.querySelector("[data-make]");
const part = (name) => root.querySelector(`[data-${name}]`);
const officer = await import(document.body.dataset.officer).catch(() => {
  document.querySelector('[data-say="no-script"]').hidden = false;
});

if (officer) {
  const { age, identityIn, publicHalf, readSmall, say } = officer;
  let identity = "";
  let recipient = "";

  const make = part("make-key");
  make.disabled = false;
  make.addEventListener("click", async () => {
    identity = await age.generateX25519Identity();
    recipient = await publicHalf(identity);
    part("public").textContent = recipient;
    part("recipient").value = recipient;
    part("made").hidden = part("save").hidden = false;
    make.disabled = true; // a second one would leave the first file without its key
  });

  part("save-file").addEventListener("click", () => {
    const { username } = root.dataset;
    const lines = [
      `# age identity of ${username}, ${new Date().toISOString().slice(0, 10)}. Anyone who has this file can open what is encrypted to you.`,
      `# public key: ${recipient}`,
      identity,
      "",
    ];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n")], { type: "text/plain" }));
    link.download = `age-identity-${username.replace(/[^\w.-]/g, "_")}.txt`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    part("check").hidden = false;
  });

  const saved = part("saved-file");
  saved.addEventListener("change", async () => {
    const right = identityIn(await readSmall(saved.files[0])) === identity;
    saved.value = "";
    say(part("check"), right ? "saved-right" : "saved-wrong");
    part("register").hidden = !right;
    if (right) part("register").querySelector("button").focus();
  });

  addEventListener("pagehide", () => { identity = ""; });
}
