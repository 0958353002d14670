// A picture laid into its room, and places marked on it.

// `size` is that of the picture as it is shown, turned clockwise by quarters.
export function lay(wrapper, image, [width, height], turn, room) {
  Object.assign(wrapper.style, { width: `${width}px`, height: `${height}px`,
    left: `${Math.max(0, (room.clientWidth - width) / 2)}px`, top: `${Math.max(0, (room.clientHeight - height) / 2)}px` });
  const [wide, high] = turn % 180 ? [height, width] : [width, height];
  Object.assign(image.style, { width: `${wide}px`, height: `${high}px`, transform: `translate(-50%, -50%) rotate(${turn}deg)` });
}

// Boxes (left, top, right, bottom as fractions of the picture) instead of those that were marked before.
export function mark(wrapper, boxes, [width, height]) {
  wrapper.querySelectorAll(".where").forEach((old) => old.remove());
  for (const [left, top, right, bottom] of boxes) {
    const box = sohoa.element("div", { class: "where" });
    Object.assign(box.style, { left: `${left * width}px`, top: `${top * height}px`,
      width: `${(right - left) * width}px`, height: `${(bottom - top) * height}px` });
    wrapper.append(box);
  }
}
