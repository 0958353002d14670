// SHA-256 (FIPS 180-4) for pages that browsers give no crypto.subtle: those that came without TLS.
"use strict";

window.sohoaDigest = (function () {
  const K = new Uint32Array(64), START = new Uint32Array(8);
  (function constants() {  // fractional parts of the roots of the first primes
    const part = (x) => ((x - Math.floor(x)) * 4294967296) >>> 0;
    let found = 0;
    for (let n = 2; found < 64; n++) {
      let prime = true;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
      if (!prime) continue;
      if (found < 8) START[found] = part(Math.sqrt(n));
      K[found++] = part(Math.cbrt(n));
    }
  })();

  const turned = (x, by) => (x >>> by) | (x << (32 - by));

  function mixIn(hash, words) {
    for (let i = 16; i < 64; i++) {
      const a = words[i - 15], b = words[i - 2];
      words[i] = words[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ (a >>> 3)) + words[i - 7] +
        (turned(b, 17) ^ turned(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { hash[i] += value; });
  }

  function byHand(buffer) {
    const length = buffer.byteLength, whole = length - (length % 64), hash = START.slice(), words = new Uint32Array(64);
    const block = (view, at) => {
      for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i);
      mixIn(hash, words);
    };
    const view = new DataView(buffer);
    for (let at = 0; at < whole; at += 64) block(view, at);
    const end = new Uint8Array(length - whole < 56 ? 64 : 128), last = new DataView(end.buffer);
    end.set(new Uint8Array(buffer, whole));
    end[length - whole] = 0x80;
    last.setUint32(end.length - 8, Math.floor(length / 536870912));
    last.setUint32(end.length - 4, (length * 8) >>> 0);
    for (let at = 0; at < end.length; at += 64) block(last, at);
    return Array.from(hash, (word) => word.toString(16).padStart(8, "0")).join("");
  }

  async function digest(buffer) {
    if (!window.crypto || !window.crypto.subtle) return byHand(buffer);
    const bytes = new Uint8Array(await window.crypto.subtle.digest("SHA-256", buffer));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  digest.byHand = byHand;
  return digest;
})();
