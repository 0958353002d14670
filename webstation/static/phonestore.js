// What the phone keeps: photos until they are safe, and the numbers they have, in the browser's own database.
// Where there is none (private windows of old browsers), in memory, for as long as the page is open.
"use strict";

const OPENS_WITHIN_MS = 3000;

window.SohoaStore = class {
  constructor(database) {
    this.database = database;
    this.memory = { photos: new Map(), bytes: new Map(), sessions: new Map() };
  }

  static open() {
    return new Promise((resolve) => {
      const nothing = () => resolve(new window.SohoaStore(null));
      try {
        const asked = indexedDB.open("sohoa", 1);
        asked.onupgradeneeded = () => ["photos", "bytes", "sessions"].forEach((name) => asked.result.createObjectStore(name));
        asked.onsuccess = () => resolve(new window.SohoaStore(asked.result));
        asked.onerror = asked.onblocked = nothing;
        setTimeout(nothing, OPENS_WITHIN_MS); // Safari 14.1 may never answer
      } catch (error) {
        nothing();
      }
    });
  }

  get lasting() { return this.database !== null; }

  _ask(stores, mode, work) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(stores, mode);
      const asked = work(transaction);
      transaction.oncomplete = () => resolve(asked && asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  async _get(store, key) {
    if (!this.lasting || this.memory[store].has(key)) return this.memory[store].get(key);
    return this._ask([store], "readonly", (transaction) => transaction.objectStore(store).get(key));
  }

  // All photos, oldest first, without their bytes.
  async photos() {
    if (!this.lasting) return Array.from(this.memory.photos.values());
    return this._ask(["photos"], "readonly", (transaction) => transaction.objectStore("photos").getAll());
  }

  bytes(id) { return this._get("bytes", id); }

  // Keep a new photo; false where the database has no room for it, and memory has to do.
  async add(photo, bytes) {
    if (this.lasting) {
      try {
        await this._ask(["photos", "bytes"], "readwrite", (transaction) => {
          transaction.objectStore("bytes").put(bytes, photo.id);
          return transaction.objectStore("photos").put(photo, photo.id);
        });
        return true;
      } catch (error) { /* as below */ }
    }
    this.memory.photos.set(photo.id, photo);
    this.memory.bytes.set(photo.id, bytes);
    return false;
  }

  // Write down what is said of a photo; with `whole` its bytes are not needed any more.
  async note(photo, whole) {
    if (!this.lasting || this.memory.bytes.has(photo.id)) {
      this.memory.photos.set(photo.id, photo);
      if (whole) this.memory.bytes.delete(photo.id);
      return;
    }
    await this._ask(["photos", "bytes"], "readwrite", (transaction) => {
      if (whole) transaction.objectStore("bytes").delete(photo.id);
      return transaction.objectStore("photos").put(photo, photo.id);
    }).catch(() => {});
  }

  async forget(photo) {
    this.memory.photos.delete(photo.id);
    this.memory.bytes.delete(photo.id);
    if (!this.lasting) return;
    await this._ask(["photos", "bytes"], "readwrite", (transaction) => {
      transaction.objectStore("bytes").delete(photo.id);
      return transaction.objectStore("photos").delete(photo.id);
    }).catch(() => {});
  }

  // The phone's session for a book; its photos are counted from 1.
  async session(book) {
    const known = await this._get("sessions", book).catch(() => null);
    if (known) return known;
    const random = window.crypto.getRandomValues(new Uint8Array(8));
    const session = { id: Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join(""), last: 0 };
    await this.count(book, session);
    return session;
  }

  async count(book, session) {
    if (!this.lasting) {
      this.memory.sessions.set(book, session);
      return;
    }
    await this._ask(["sessions"], "readwrite", (transaction) => transaction.objectStore("sessions").put(session, book))
      .catch(() => {});
  }
};
