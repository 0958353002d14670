// What a phone does beside its screen: it sounds, shakes, stays awake, and draws small pictures of photos.
"use strict";

window.sohoaSigns = (function () {
  const THUMB = 144; // px
  let sound = null, lock = null;

  // To be called when a person touches something: browsers let no page sound before.
  function awake() {
    try {
      sound = sound || new (window.AudioContext || window.webkitAudioContext)();
      if (sound.state === "suspended") sound.resume();
    } catch (error) { /* a silent phone */ }
    if (navigator.wakeLock && !lock) navigator.wakeLock.request("screen").then((held) => { lock = held; }).catch(() => {});
  }

  function rest() {
    if (lock) lock.release().catch(() => {});
    lock = null;
  }

  function beep(pitch, seconds) {
    if (!sound || sound.state !== "running") return;
    const tone = sound.createOscillator(), volume = sound.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.15;
    tone.connect(volume);
    volume.connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + seconds);
  }

  const rejoice = () => beep(880, 0.12);

  function complain() {
    beep(220, 0.4);
    if (navigator.vibrate) navigator.vibrate([200, 100, 200]);
  }

  // A small picture of a photo; nothing where the browser cannot show it (HEIC outside Safari).
  function thumbnail(file) {
    return new Promise((resolve) => {
      const image = new Image(), url = URL.createObjectURL(file);
      const end = (picture) => { URL.revokeObjectURL(url); resolve(picture); };
      image.onerror = () => end(null);
      image.onload = () => {
        const canvas = document.createElement("canvas"), factor = THUMB / Math.min(image.width, image.height);
        canvas.width = canvas.height = THUMB;
        const width = image.width * factor, height = image.height * factor;
        canvas.getContext("2d").drawImage(image, (THUMB - width) / 2, (THUMB - height) / 2, width, height);
        canvas.toBlob(end, "image/jpeg", 0.8);
      };
      image.src = url;
    });
  }

  return { awake, rest, rejoice, complain, thumbnail };
})();
