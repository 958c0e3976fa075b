// Proves who one is: opens a worker's challenge with one's own identity, and sends back what was in it.

const root = document.querySelector("[data-approve]");
const officer = await import(document.body.dataset.officer).catch(() => {
  root.querySelector('[data-say="no-script"]').hidden = false;
});

if (officer) {
  const { Holder, Problem, fromBase64, open, post, say, untilAnswered } = officer;
  const form = root.querySelector("[data-approve-form]");
  const button = form.querySelector("button");
  const holder = new Holder(document.querySelector("[data-identity]"), (held) => { button.disabled = !held; });

  const expected = Object.entries(JSON.parse(root.dataset.told));

  /** The code in the challenge, which has to be about what the page shows. Throws Problem. */
  const codeOf = async (said) => {
    if (said.state !== "answered") throw new Problem("refused", said.words);
    const told = JSON.parse(await open(holder, fromBase64(said.answer)));
    if (!expected.length || expected.some(([name, value]) => told[name] !== value)) throw new Problem("other-key");
    return told.code;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(root, "waiting");
    try {
      const first = await (await post(root.dataset.challenge, form.elements.csrfmiddlewaretoken.value)).json();
      const said = first.state === "asked"
        ? await untilAnswered(root.dataset.challenge, { slow: () => say(root, "slow"), limit: 120_000 })
        : first;
      form.elements.proof.value = await codeOf(said);
      form.submit();
    } catch (error) {
      say(root, error instanceof Problem ? error.message : "broken", error.text);
      button.disabled = !holder.held;
    }
  });

  addEventListener("pagehide", () => holder.forget());
}
