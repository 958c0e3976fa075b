// For whoever fills in the form: a slip in the address noticed, and a flood's price where one is asked for.
const form = document.querySelector("form[data-script]");

// "Did you mean this address?" – help with a slip in the provider's name, never a refusal.
const email = document.querySelector("[data-providers]");
const hint = document.querySelector("[data-meant]");
const near = (one, other) => {
  // One letter too many, missing, wrong, or two swapped.
  if (Math.abs(one.length - other.length) > 1) return false;
  let i = 0, j = 0;
  while (i < one.length && one[i] === other[i]) i++;
  while (j < Math.min(one.length, other.length) - i && one.at(-1 - j) === other.at(-1 - j)) j++;
  const [a, b] = [one.slice(i, one.length - j), other.slice(i, other.length - j)];
  return a.length <= 1 && b.length <= 1 || a.length === 2 && a === b[1] + b[0];
};
const look = () => {
  const [, , domain] = email.value.trim().toLowerCase().match(/^(.+)@([^@]+)$/) || [];
  const providers = email.dataset.providers.split(" ");
  const meant = domain && !providers.includes(domain) && providers.find((one) => near(domain, one));
  hint.hidden = !meant;
  if (!meant) return;
  const take = document.createElement("button");
  take.type = "button";
  take.className = "quiet";
  take.textContent = email.value.trim().replace(/@[^@]*$/, "@" + meant);
  take.addEventListener("click", () => { email.value = take.textContent; hint.hidden = true; email.focus(); });
  hint.replaceChildren(hint.dataset.meant, take);
};
// While a pointer is down, nothing may move: the address that is left by pressing "Sign" would move the button away from
// under the finger, and no click would come of it.
let pressed = false;
let owed = false;
email.addEventListener("change", () => { if (pressed) owed = true; else look(); });
addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    pressed = false;
    setTimeout(() => { if (owed) look(); owed = false; }); // after the click
  }, true);
}
if (document.activeElement !== email && hint.hidden) look(); // somebody was faster than this file

// Milliseconds: the server takes a solution for fifteen minutes.
const FRESH = 10 * 60000;
let begun = 0;
let done;

// Begins with the first key press, and is finished before most people are.
const work = () => {
  if (done && Date.now() - begun < FRESH) return done;
  begun = Date.now();
  done = (async () => {
    try {
      const answer = await fetch(form.dataset.workUrl, { credentials: "omit" });
      if (answer.status !== 200) return "";
      const { solve } = await import(form.dataset.solver);
      return await solve(await answer.json());
    } catch { return ""; } // The line is down, or the browser cannot: the signature is sent without.
  })();
  return done;
};
form.addEventListener("input", work, { once: true });

// The solution, into the field that goes with the form.
export const finish = async () => { form.elements.work.value = await work(); };
