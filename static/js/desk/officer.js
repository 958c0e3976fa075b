// What the desk's pages share: an identity that lives in memory only, words that are shown and hidden, and
// how a page talks to the site. Text from an answer is never made HTML: the page's rules forbid it as well.

export const age = await import(document.body.dataset.age);

/** Shows the words of that name inside `place`, and hides what was said there before. No name: says nothing. */
export const say = (place, name, text) => {
  for (const words of place.querySelectorAll("[data-say]")) words.hidden = words.dataset.say !== name;
  const words = name && place.querySelector(`[data-say="${name}"]`);
  if (words && text) words.textContent = text;
};

/** The identity in a file that age or we wrote; "" where there is none, or not whole. */
export const identityIn = (text) => /^\s*(AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58})\s*$/m.exec(text)?.[1] ?? "";

/** The public half; "" where the identity has a mistake in it. */
export const publicHalf = async (identity) => {
  try { return await age.identityToRecipient(identity); } catch { return ""; }
};

export const short = (recipient) => `${recipient.slice(0, 12)}…${recipient.slice(-8)}`;

/** Reads a file that may be an identity. Whoever picks a packet by mistake must not have it read whole. */
export const readSmall = async (file) => (file && file.size < 100_000 ? file.text() : "");

/** The identity that an officer chose on this page. Held in this object, and nowhere else. */
export class Holder {
  #identity = "";

  constructor(place, changed = () => {}) {
    this.place = place;
    this.changed = changed;
    this.file = place.querySelector("[data-identity-file]");
    this.text = place.querySelector("[data-identity-text]");
    this.file.addEventListener("change", async () => this.#take(await readSmall(this.file.files[0])));
    place.querySelector("[data-identity-use]").addEventListener("click", () => this.#take(this.text.value));
    place.querySelector("[data-identity-forget]").addEventListener("click", () => this.forget());
    // Picked while age was still on its way here: nobody heard it then.
    if (this.file.files.length) this.file.dispatchEvent(new Event("change"));
  }

  get held() { return this.#identity !== ""; }

  decrypter() {
    const decrypter = new age.Decrypter();
    decrypter.addIdentity(this.#identity);
    return decrypter;
  }

  forget() {
    this.#identity = "";
    this.#clearInputs();
    this.#show();
  }

  async #take(text) {
    this.#clearInputs();
    const identity = identityIn(text);
    const recipient = identity && await publicHalf(identity);
    const { expected } = this.place.dataset;
    const problem = !recipient ? "identity-none" : expected && recipient !== expected ? "identity-wrong" : "";
    say(this.place, problem);
    this.#identity = problem ? "" : identity;
    if (!problem) this.place.querySelector("[data-identity-name]").textContent = short(recipient);
    this.#show();
  }

  // What was picked or pasted must not wait in a field for whoever comes next.
  #clearInputs() {
    this.file.value = "";
    this.text.value = "";
  }

  #show() {
    for (const part of this.place.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "held") !== this.held;
    this.changed(this.held);
  }
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** Opens a small age file. Throws NotYours where it was encrypted to another key, Broken for anything else. */
export const open = async (holder, bytes) => {
  try {
    return await holder.decrypter().decrypt(bytes, "text");
  } catch (error) {
    throw new Problem(isForOthers(error) ? "not-yours" : "broken");
  }
};

export const isForOthers = (error) => /no identity matched/.test(error?.message ?? "");

/** Something went wrong, by the name of the words that say so. */
export class Problem extends Error {
  constructor(name, text = "") {
    super(name);
    this.text = text;
  }
}

/** Asks the site. Throws Problem: "offline", or "login" where it wants to know first who this is. */
export const ask = async (url, options = {}) => {
  let answer;
  try {
    const signal = AbortSignal.timeout?.(60_000); // a line that stalls is down
    answer = await fetch(url, { cache: "no-store", redirect: "manual", signal, ...options });
  } catch {
    throw new Problem("offline");
  }
  if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) throw new Problem("login");
  if (answer.status === 404) throw new Problem("refused");
  if (answer.status >= 500) throw new Problem("offline");
  return answer;
};

export const post = (url, token, form = new FormData()) =>
  ask(url, { method: "POST", body: form, headers: { "X-CSRFToken": token } });

const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

/** As ask(), for what a page does by itself: it does not count as somebody being there. */
export const poll = (url) => ask(url, { headers: { "X-Poll": "1" } });

/** Asks until a worker has answered: {state, answer, words}. `slow` is called once after 15 seconds. Throws Problem. */
export const untilAnswered = async (url, { slow, limit = 620_000, stopped = () => false }) => {
  const begun = Date.now();
  let told = false;
  while (!stopped()) {
    const said = await (await poll(url)).json();
    if (said.state !== "asked") return said;
    const waited = Date.now() - begun;
    if (waited > limit) throw new Problem("away");
    if (waited > 15_000 && !told) { told = true; slow(); }
    await pause(waited < 5000 ? 400 : 2000);
  }
  throw new Problem("cleared");
};
