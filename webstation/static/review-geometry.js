// Geometry of the drawing on an original: points as fractions of the upright image, turned as the page is read, and as pixels
// of the screen. No page, no state.

export const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

// The largest size of this shape that fits into a room.
export function fitted([width, height], [roomWidth, roomHeight]) {
  const scale = Math.min(roomWidth / width, roomHeight / height);
  return [width * scale, height * scale];
}

// A fraction of the image where it is shown turned clockwise by quarters, and back.
export function turned([x, y], degrees) {
  return degrees === 90 ? [1 - y, x] : degrees === 180 ? [1 - x, 1 - y] : degrees === 270 ? [y, 1 - x] : [x, y];
}
export const unturned = (point, degrees) => turned(point, (360 - degrees) % 360);

// Fractions to pixels of a shown image of this size, and back.
export const toPixels = (points, degrees, [width, height]) =>
  points.map((point) => turned(point, degrees)).map(([x, y]) => [x * width, y * height]);
export const toFractions = (points, degrees, [width, height]) =>
  points.map(([x, y]) => unturned([x / width, y / height], degrees));

export const middle = ([[x, y], [otherX, otherY]]) => [(x + otherX) / 2, (y + otherY) / 2];

// The line turned about its middle until it points to a place.
export function pointed(line, [x, y]) {
  const [centreX, centreY] = middle(line);
  const half = Math.hypot(line[1][0] - line[0][0], line[1][1] - line[0][1]) / 2;
  const angle = Math.atan2(y - centreY, x - centreX);
  const across = half * Math.cos(angle), down = half * Math.sin(angle);
  return [[centreX - across, centreY - down], [centreX + across, centreY + down]];
}

// A place on a line: 0 at its beginning, 1 at its end.
export const along = ([[x, y], [otherX, otherY]], part) => [x + (otherX - x) * part, y + (otherY - y) * part];

export const written = (points) => points.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ");
