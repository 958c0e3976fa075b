// A page that goes on by itself: the part that changes is fetched again and put in place of the old one. The page itself is not
// loaded anew, for that takes the place at which somebody reads, and the focus. While the focus is inside, nothing moves.
(() => {
  "use strict";
  const part = () => document.querySelector("[data-again]");
  const look = async () => {
    const old = part();
    if (!old) return;
    try {
      if (!document.hidden && !old.contains(document.activeElement)) {
        const answer = await fetch(location.href, { headers: { "X-Poll": "1" }, signal: AbortSignal.timeout?.(30000) });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-again]");
        // Another page: logged out meanwhile, or what was awaited is there. That is for the whole page to say.
        if (!fresh) return void location.reload();
        if (fresh.outerHTML !== old.outerHTML && !old.contains(document.activeElement)) old.replaceWith(fresh);
      }
    } catch { /* The line is down: what is there stays. */ }
    wait();
  };
  const wait = () => part() && setTimeout(look, 1000 * part().dataset.again);
  wait();
})();
