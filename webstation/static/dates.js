// Dates as typists write them – 3, 3/2, 0302, 3/2/90 – completed with the date before. ISO inside, dd.mm.yyyy on the screen.
"use strict";

const dates = (() => {
  const RUNS = { 3: [1, 2], 4: [2, 2], 5: [1, 2, 2], 6: [2, 2, 2], 7: [1, 2, 4], 8: [2, 2, 4] }; // figures of day, month, year
  const HALF_A_YEAR = 183;
  const two = (number) => String(number).padStart(2, "0");
  const days = (iso) => Date.parse(iso + "T00:00:00Z") / 86400000;
  const fromDays = (number) => new Date(number * 86400000).toISOString().slice(0, 10);

  // The ISO date that a text means; "" where it means none. `last` (ISO or "") gives the month and year that are not typed, `year` the year without it.
  function complete(text, last, year) {
    const parts = split(text.trim());
    if (!parts) return "";
    const day = Number(parts[0]);
    const month = parts[1] ? Number(parts[1]) : last ? Number(last.slice(5, 7)) : 0;
    const near = last ? Number(last.slice(0, 4)) : year;
    if (parts[2]) return iso(century(parts[2], near), month, day);
    const found = iso(near, month, day);
    // without a year: registers go forward, so a January after a December is of the next year
    return found && last && days(last) - days(found) > HALF_A_YEAR ? iso(near + 1, month, day) : found;
  }

  function split(text) {
    const first = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
    if (first) return [first[3], first[2], first[1]];
    if (/^\d{3,8}$/.test(text)) {
      let from = 0;
      return RUNS[text.length].map((length) => text.slice(from, (from += length)));
    }
    const parts = text.split(/[\s./,-]+/);
    const good = parts.length <= 3 && parts.every((part) => /^\d+$/.test(part)) && parts[0].length <= 2;
    return good && (!parts[1] || parts[1].length <= 2) ? parts : null;
  }

  function century(text, near) {
    const year = Number(text);
    if (text.length === 4) return year;
    if (text.length !== 2) return 0;
    const same = near - (near % 100) + year;
    return same < near - 50 ? same + 100 : same > near + 50 ? same - 100 : same;
  }

  function iso(year, month, day) {
    if (year < 1000 || month < 1 || month > 12 || day < 1) return "";
    const found = new Date(Date.UTC(year, month - 1, day));
    return found.getUTCDate() === day && found.getUTCMonth() === month - 1 ? `${year}-${two(month)}-${two(day)}` : "";
  }

  const shown = (date) => (date ? date.split("-").reverse().join(".") : "");
  const moved = (date, by) => fromDays(days(date) + by);
  return { complete, shown, moved };
})();
