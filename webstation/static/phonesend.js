// How a photo gets to the station: announced, sent from where the last try was cut, tried again until it is there.
"use strict";

window.SohoaSender = (function () {
  const ANSWER_MS = 15000, STILL_MS = 20000, CLOSING_MS = 60000; // without an answer, without progress, after the last byte
  const FIRST_PAUSE_S = 1, LONGEST_PAUSE_S = 30;
  const FOR_GOOD = ["malformed", "too_large", "too_long", "no_image"]; // trying again would change nothing

  class Refused extends Error {
    constructor(status, told, seconds) {
      super(told.code);
      this.status = status;
      this.code = told.code;
      this.words = told.message;
      this.seconds = seconds;
      this.photo = told.photo;
      this.forGood = FOR_GOOD.includes(told.code);
    }
  }

  function refused(status, text, after) {
    let told = { code: "", message: "" };
    try { told = JSON.parse(text); } catch (error) { /* no words */ }
    return new Refused(status, told, Number(after) || 0);
  }

  return class {
    constructor(key, language) {
      this.key = key;
      this.language = language;
      this.wake = () => {};
      this.cut = () => {};
      addEventListener("online", () => this.wake());
      addEventListener("offline", () => this.cut());
      document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
    }

    async ask(path, order) {
      const control = new AbortController(), timer = setTimeout(() => control.abort(), ANSWER_MS);
      try {
        const answer = await fetch(path, {
          method: "POST", body: JSON.stringify(order), signal: control.signal, cache: "no-store",
          headers: { "x-sohoa-key": this.key, "accept-language": this.language, "content-type": "application/json" },
        });
        if (!answer.ok) throw refused(answer.status, await answer.text(), answer.headers.get("retry-after"));
        return await answer.json();
      } finally {
        clearTimeout(timer);
      }
    }

    // Send a photo to its end. `news(part, words)`: 0 to 1 of it is there; words of what keeps it from going on.
    // Where the station waits for another photo before this one, `stillComes(sha256)` says whether it will come.
    // Throws Refused for one that the station will not take, or a key that opens nothing.
    async send(photo, bytes, news, stillComes) {
      for (let failed = 0; !photo.givenUp;) {
        try {
          const known = await this.ask("/photos", {
            session: photo.session, number: photo.number, sha256: photo.sha256, length: photo.length, name: photo.name,
          });
          if (known.whole) return;
          news(known.offset / photo.length, "");
          await this.patch(photo, bytes, known.offset, (part) => { failed = 0; news(part, ""); });
          return;
        } catch (error) {
          if (error.forGood || error.status === 403) throw error;
          if (error.photo && !stillComes(error.photo)) await this.giveUp({ sha256: error.photo, session: photo.session });
          const seconds = error.seconds || Math.min(LONGEST_PAUSE_S, FIRST_PAUSE_S * Math.pow(2, failed++));
          news(null, error.words || "", seconds);
          await this.pause(seconds);
        }
      }
    }

    patch(photo, bytes, offset, progress) {
      return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        let timer = 0;
        const watch = (after) => { clearTimeout(timer); timer = setTimeout(() => request.abort(), after); };
        const end = (settle, value) => { clearTimeout(timer); this.cut = () => {}; settle(value); };
        request.upload.onprogress = (event) => { watch(STILL_MS); progress((offset + event.loaded) / photo.length); };
        request.upload.onload = () => watch(CLOSING_MS);
        request.onload = () => {
          if (request.status === 204 && Number(request.getResponseHeader("upload-offset")) === photo.length) end(resolve);
          else end(reject, refused(request.status, request.responseText, request.getResponseHeader("retry-after")));
        };
        request.onerror = request.onabort = () => end(reject, new Error("connection"));
        this.cut = () => request.abort();
        request.open("PATCH", "/photos/" + photo.sha256);
        request.setRequestHeader("x-sohoa-key", this.key);
        request.setRequestHeader("accept-language", this.language);
        request.setRequestHeader("upload-offset", String(offset));
        watch(STILL_MS);
        request.send(new Blob([bytes]).slice(offset));
      });
    }

    // Tell the station that a photo will not come. Nothing is lost where that does not arrive.
    async giveUp(photo) {
      await fetch("/photos/" + photo.sha256, {
        method: "DELETE", headers: { "x-sohoa-key": this.key, "photo-session": photo.session },
      }).catch(() => {});
    }

    pause(seconds) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  };
})();
