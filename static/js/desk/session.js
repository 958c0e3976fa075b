// Nobody loses what they typed to the end of their session: typing counts as being there, the end is announced, and a form
// goes with the token of whichever tab logged in last. The site alone says how long a session lasts; this only asks.
(() => {
  "use strict";
  const ADDRESS = "/admin/session/";
  const TOKEN = "csrfmiddlewaretoken";
  const BEAT = 10_000; // milliseconds, as all that follows
  const WAIT = 5_000; // a line that stalls keeps no form
  let warn = 120_000; // before the end
  let gap = 60_000; // between two notes that somebody is typing
  let ends = Infinity;
  let asked = 0;
  let told = Date.now();
  let active = false;
  let site = {}; // {left, token, words}: what it said last

  const ask = async (method = "GET") => {
    const headers = { "X-Poll": "1", "X-CSRFToken": site.token ?? "" };
    const answer = await fetch(ADDRESS, { method, headers, cache: "no-store", signal: AbortSignal.timeout?.(WAIT) });
    if (!answer.ok) throw new Error(answer.status);
    site = await answer.json();
    asked = Date.now();
    ends = asked + 1000 * site.left;
  };
  const left = () => ends - Date.now();

  let bar;
  const say = (name) => {
    if (bar?.dataset.said === name) return;
    bar?.remove();
    bar = undefined;
    if (!name) return;
    const way = document.createElement(name === "soon" ? "button" : "a");
    if (name === "soon") {
      way.type = "button";
      way.addEventListener("click", () => { told = 0; active = true; beat(); });
    } else Object.assign(way, { href: "/admin/login/", target: "_blank", rel: "noopener" });
    way.className = "us-button";
    way.textContent = site.words[name === "soon" ? "stay" : "login"];
    const words = document.createElement("p");
    words.textContent = site.words[name];
    bar = document.createElement("div");
    bar.className = "us-session";
    bar.setAttribute("role", "alert");
    bar.dataset.said = name;
    bar.append(words, way);
    document.body.append(bar);
  };

  const beat = async () => {
    try {
      if (active && left() > 0 && Date.now() - told >= gap) {
        active = false;
        told = Date.now();
        await ask("POST").catch(() => { told = 0; active = true; return ask(); }); // another tab logged in: its token
      } else if (left() < warn) await ask(); // another tab may have kept it alive, or logged in again
    } catch { /* The line is down: asked again with the next beat. */ }
    say(left() <= 0 ? "over" : left() < warn ? "soon" : "");
  };

  // A form goes with the token of now.
  const going = new WeakSet();
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const token = form.querySelector(`[name=${TOKEN}]`);
    if (event.defaultPrevented || !token || going.has(form) || !site.token || Date.now() - asked < BEAT) return;
    event.preventDefault();
    try {
      await ask();
      token.value = site.token;
      if (site.left <= 0) return void say("over");
    } catch { /* The line is down, or stalls: it goes as it is, and what answers keeps what was typed. */ }
    going.add(form);
    form.requestSubmit(event.submitter?.form === form ? event.submitter : undefined);
    going.delete(form);
  });

  addEventListener("DOMContentLoaded", async () => {
    if (!document.querySelector(`form [name=${TOKEN}]`) || document.querySelector(".us-login")) return;
    try { await ask(); } catch { return; }
    if (site.left <= 0) return; // a page for whoever comes: nothing ends here
    warn = Math.min(warn, 500 * site.left);
    gap = Math.min(gap, 300 * site.left);
    for (const name of ["input", "keydown", "pointerdown", "scroll"]) {
      addEventListener(name, () => { active = true; }, { passive: true, capture: true });
    }
    setInterval(beat, BEAT);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
  });
})();
