/**
 * Drawing at most once a frame.
 *
 * Messages may come faster than the screen shows them. Each call only asks for a frame, and the next
 * frame draws the latest state. A hidden tab has no frames, so it draws nothing.
 */
export function oncePerFrame(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
