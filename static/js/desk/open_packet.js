// Opens a packet in this browser, and saves what was in it: whole, or not at all.

const root = document.querySelector("[data-packet]");
const officer = await import(document.body.dataset.officer).catch(() => {
  document.querySelector('main > [data-say="no-script"]').hidden = false;
});

if (officer) {
  const { Holder, Problem, isForOthers, say } = officer;
  const LIMIT = Number(root.dataset.limit); // bytes that may be held in memory
  const file = root.querySelector("[data-packet-file]");
  const button = root.querySelector("[data-open]");
  const progress = root.querySelector("[data-progress]");
  const name = root.querySelector("[data-packet-name]");
  const holder = new Holder(document.querySelector("[data-identity]"));
  const packet = () => file.files[0];

  file.addEventListener("change", () => {
    button.disabled = !packet();
    name.hidden = !packet();
    name.textContent = packet()?.name ?? "";
    say(root, "");
  });

  /** The file's bytes, decrypted; counts them on their way. Throws Problem. */
  const decrypted = async () => {
    const begin = await packet().slice(0, 21).text();
    if (begin !== "age-encryption.org/v1") throw new Problem("no-age");
    progress.max = packet().size;
    progress.value = 0;
    const counted = packet().stream().pipeThrough(new TransformStream({
      transform(chunk, next) {
        progress.value += chunk.length;
        next.enqueue(chunk);
      },
    }));
    return holder.decrypter().decrypt(counted);
  };

  const plainName = () => packet().name.replace(/\.age$/i, "");

  /** Piece by piece onto the disk; a file that did not end well is never put in its place. */
  const toDisk = async () => {
    const target = await window.showSaveFilePicker({ suggestedName: plainName() });
    const plain = await decrypted();
    await plain.pipeTo(await target.createWritable()); // an error aborts the writing: nothing is kept
  };

  const toDownload = async () => {
    const whole = await new Response(await decrypted()).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(whole);
    link.download = plainName();
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };

  const unpack = () => {
    if (packet().size <= LIMIT) return toDownload();
    if ("showSaveFilePicker" in window) return toDisk();
    throw new Problem("too-large");
  };

  const wordsFor = (error) => {
    if (error instanceof Problem) return error.message;
    if (error?.name === "AbortError") return "kept-nothing";
    return isForOthers(error) ? "not-yours" : "broken";
  };

  button.addEventListener("click", async () => {
    say(root, holder.held ? "" : "need-identity");
    if (!holder.held) return;
    button.disabled = true;
    progress.hidden = false;
    try {
      await unpack();
      say(root, "opened");
    } catch (error) {
      say(root, wordsFor(error));
    } finally {
      progress.hidden = true;
      button.disabled = false;
    }
  });

  addEventListener("pagehide", () => holder.forget());
}
