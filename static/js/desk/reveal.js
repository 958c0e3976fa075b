// Asks to look at a signature, waits for a worker, opens the answer with the identity in memory, shows it as text,
// and forgets it: after ten minutes, when asked to, when the page is left, or when the officer may no longer look.

const KEPT = 600_000; // milliseconds an answer is shown
const WATCH = 10_000; // how often the page asks whether its officer still may look
const QUERY_SIZE = 1024; // bytes of a sealed question: its length tells no address from another

const form = document.querySelector("[data-ask]");
const place = document.querySelector("[data-answer-place]");
const officer = await import(document.body.dataset.officer).catch(() => {
  document.querySelector('main > [data-say="no-script"]').hidden = false;
});

if (officer) {
  const { Holder, Problem, age, fromBase64, open, poll, post, say, toBase64, untilAnswered } = officer;
  const opened = place.querySelector("[data-opened]");
  const found = place.querySelector("[data-found]");
  const button = form.querySelector("[data-ask-button]");
  const holder = new Holder(document.querySelector("[data-identity]"), (held) => { if (!held) clear(""); });
  const token = form.elements.csrfmiddlewaretoken.value;
  const address = (pattern, reveal) => pattern.replace("00000000-0000-0000-0000-000000000000", reveal);
  let turn = 0; // each question, and each clearing, makes what is under way for an earlier one stop
  let timers = [];

  // --- the question ------------------------------------------------------------------------------------------------

  const chosen = () => form.elements.kind.value;
  const showKind = () => {
    for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.disabled = part.dataset.kind !== chosen();
  };
  for (const one of form.querySelectorAll("[name=kind]")) one.addEventListener("change", showKind);
  showKind();

  /** The address and who looks for it, for the workers alone. */
  const sealed = async (email) => {
    const encrypter = new age.Encrypter();
    encrypter.addRecipient(form.dataset.deskKey);
    const plain = new TextEncoder().encode(JSON.stringify({ officer: form.dataset.username, email }));
    const padded = new Uint8Array(QUERY_SIZE).fill(32);
    padded.set(plain);
    return toBase64(await encrypter.encrypt(padded));
  };

  const question = async () => {
    const asked = new FormData(form);
    if (chosen() === "email") asked.set("query", await sealed(form.querySelector("[data-email]").value));
    return asked;
  };

  /** Puts the question; the id of its row. Throws Problem. */
  const put = async () => {
    const answer = await post(form.action, token, await question());
    const said = await answer.json();
    if (answer.ok) return said.reveal;
    throw new Problem("mistake", Object.values(said.errors).flat().join(" "));
  };

  // --- the answer --------------------------------------------------------------------------------------------------

  /** Whole, of this question, or not at all. Throws Problem. */
  const read = async (reveal, said) => {
    if (said.state !== "answered") throw new Problem("refused", said.words);
    let answer;
    try {
      answer = JSON.parse(await open(holder, fromBase64(said.answer)));
    } catch (error) {
      throw error instanceof Problem ? error : new Problem("broken");
    }
    if (answer.reveal !== reveal) throw new Problem("other-question");
    return answer;
  };

  const countries = new Intl.DisplayNames([document.documentElement.lang || "en"], { type: "region" });
  const named = (country) => (/^[A-Z]{2}$/.test(country) ? countries.of(country) : country);

  const fill = (node, told) => {
    for (const field of node.querySelectorAll("[data-field]")) {
      const name = field.dataset.field;
      const value = name === "country" ? named(told.country) : told[name];
      field.textContent = typeof value === "boolean" ? field.dataset[value ? "yes" : "no"] : value ?? "";
      const row = field.closest("dl > div");
      if (row) row.hidden = field.textContent === "";
    }
  };

  const copyOf = (name) => document.querySelector(`[data-${name}]`).content.firstElementChild.cloneNode(true);

  const article = (told) => {
    const person = copyOf("person");
    const known = Boolean(told.name);
    fill(person, known ? { share_name: false, ...told } : told);
    person.querySelector("h3").hidden = !known;
    person.querySelector('[data-note="unreadable"]').hidden = !told.unreadable;
    person.querySelector('[data-note="withdrawn"]').hidden = known || Boolean(told.unreadable);
    return person;
  };

  /** The form of a ruling, filled in; nothing is done before somebody sends it. */
  const rulingAbout = (rule, criteria) => {
    const campaign = form.querySelector("#list_campaign").value;
    return `${rule.dataset.rule}?${new URLSearchParams({ campaign, ...criteria })}`;
  };

  /** Why it is held; behind each reason of many, the way to all of them. */
  const reasons = (list, told, rule) => {
    const add = (...parts) => {
      const item = document.createElement("li");
      item.append(...parts);
      list.append(item);
    };
    for (const words of told.reasons ?? []) add(words);
    if (!rule) return;
    for (const [kind, label] of Object.entries(told.labels ?? {})) {
      const same = document.createElement("a");
      same.href = rulingAbout(rule, { [kind]: label });
      same.target = "_blank";
      same.rel = "noopener";
      same.textContent = rule.dataset[`same${kind[0].toUpperCase()}${kind.slice(1)}`];
      add(same);
    }
  };

  const table = (rows) => {
    const made = copyOf("table");
    const rule = made.querySelector("[data-rule]");
    for (const told of rows) {
      const row = copyOf("row");
      fill(row, told);
      reasons(row.querySelector("[data-reasons]"), told, rule);
      const box = row.querySelector("[data-chosen]");
      box.value = told.reference;
      box.hidden = !rule;
      made.querySelector("table").append(row);
    }
    const choose = () => {
      const chosen = [...made.querySelectorAll("[data-chosen]:checked")].map((box) => box.value);
      rule.toggleAttribute("href", chosen.length > 0);
      if (chosen.length) rule.href = rulingAbout(rule, { signatures: chosen.join(" ") });
      rule.setAttribute("aria-disabled", String(chosen.length === 0));
    };
    if (rule) made.addEventListener("change", choose);
    return made;
  };

  const show = (answer) => {
    const list = answer.kind === "list";
    const page = Number(answer.asked);
    opened.querySelector("[data-asked]").textContent = list ? `${page} / ${Math.max(answer.pages, 1)}` : answer.asked;
    found.replaceChildren(...(list && answer.found.length ? [table(answer.found)] : answer.found.map(article)));
    const skipped = answer.shredded.length + answer.unavailable.length > 0;
    say(opened, answer.left ? "more" : answer.found.length ? "" : skipped ? "found-some" : `found-${answer.kind}`);
    opened.querySelector("[data-more]").textContent = answer.left || "";
    for (const why of ["shredded", "unavailable"]) {
      const titles = answer[why];
      opened.querySelector(`[data-not-searched="${why}"]`).hidden = titles.length === 0;
      opened.querySelector(`[data-${why}]`).textContent = titles.join("; ");
    }
    opened.querySelector("[data-before]").hidden = !list || page <= 1;
    opened.querySelector("[data-after]").hidden = !list || page >= answer.pages;
    opened.hidden = false;
    document.getElementById("answer-title").focus();
  };

  /** Nothing of an answer is left on the page; `name`: the words that say why. */
  const clear = (name, text) => {
    turn += 1;
    for (const timer of timers) clearInterval(timer);
    timers = [];
    found.replaceChildren();
    opened.querySelector("[data-asked]").textContent = "";
    opened.hidden = true;
    say(place, name, text);
    if (name) place.hidden = false;
    button.disabled = false;
  };

  const keep = (reveal) => {
    const end = Date.now() + KEPT;
    const left = opened.querySelector("[data-left]");
    const count = () => {
      const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
      left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (seconds === 0) clear("cleared");
    };
    count();
    timers = [setInterval(count, 1000), setInterval(() => watch(reveal), WATCH)];
  };

  /** Whoever may no longer look, sees nothing any more. Where the site cannot be asked, nobody does. */
  const watch = async (reveal) => {
    const mine = turn;
    try {
      const said = await (await poll(address(form.dataset.answer, reveal))).json();
      if (mine === turn && (said.state === "refused" || said.state === "revoked")) clear("refused", said.words);
    } catch (error) {
      if (mine === turn) clear(error.message, error.text);
    }
  };

  const look = async () => {
    say(form, holder.held ? "" : "need-identity");
    if (!holder.held) return;
    clear("waiting");
    const mine = turn;
    const stopped = () => mine !== turn;
    button.disabled = true;
    try {
      const reveal = await put();
      const slow = () => { if (!stopped()) say(place, "slow"); };
      const said = await untilAnswered(address(form.dataset.answer, reveal), { slow, stopped });
      const answer = await read(reveal, said);
      if (stopped()) return;
      say(place, "");
      show(answer);
      keep(reveal);
      // It is here now; the site's copy is needed no longer.
      await post(address(form.dataset.close, reveal), token).catch(() => {});
    } catch (error) {
      if (stopped()) return;
      const name = error instanceof Problem ? error.message : "broken";
      if (name === "mistake") {
        clear("");
        place.hidden = true;
        say(form, name, error.text);
      } else clear(name, error.text);
    } finally {
      if (!stopped()) button.disabled = false;
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look();
  });
  for (const [name, step] of [["before", -1], ["after", 1]]) {
    opened.querySelector(`[data-${name}]`).addEventListener("click", () => {
      form.elements.page.value = Number(form.elements.page.value) + step;
      look();
    });
  }
  opened.querySelector("[data-clear]").addEventListener("click", () => clear("cleared"));
  addEventListener("pagehide", () => holder.forget());
  button.disabled = false;
}
