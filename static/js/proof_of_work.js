// Solves what signatures/intake/proof_of_work.py asks (ALTCHA's protocol, version 1): the number that, after the salt, hashes
// to the challenge. In slices, so that the page stays quick under the fingers.
const SLICE = 500;

export const solve = async ({ algorithm, challenge, maxNumber, salt, signature }) => {
  const encoder = new TextEncoder();
  const wanted = Uint8Array.from(challenge.match(/../g), (byte) => parseInt(byte, 16));
  const isIt = async (number) => {
    const hash = new Uint8Array(await crypto.subtle.digest(algorithm, encoder.encode(salt + number)));
    return wanted.every((byte, at) => byte === hash[at]);
  };
  for (let first = 0; first <= maxNumber; first += SLICE) {
    const numbers = Array.from({ length: Math.min(SLICE, maxNumber - first + 1) }, (_, at) => first + at);
    const found = (await Promise.all(numbers.map(isIt))).indexOf(true);
    if (found >= 0) return btoa(JSON.stringify({ algorithm, challenge, number: first + found, salt, signature }));
    await new Promise((next) => setTimeout(next));
  }
  return "";
};
