// The picture: 20 x 13.33 metres, as Gymnasium draws it, at any size of the canvas.

const WIDTH = 20;
const HEIGHT = 400 / 30;
const PAD = { left: 8, right: 12, y: HEIGHT / 4 };
const BODY = [[-14, 17], [-17, 0], [-17, -10], [17, -10], [17, 0], [14, 17]].map(([x, y]) => [x / 30, y / 30]);
const LEG = [[-2, -8], [2, -8], [2, 8], [-2, 8]].map(([x, y]) => [x / 30, y / 30]);
const PILOTS = {
  policy: { body: '#4aa3df', leg: '#8cc4ea', label: 'policy' },
  you: { body: '#ff8a3d', leg: '#ffb98a', label: 'you' },
};
// Multiples of two irrational numbers: spread evenly, and the same every time.
const STARS = Array.from({ length: 70 }, (_, i) => [((i * Math.SQRT2) % 1) * WIDTH, HEIGHT - ((i * Math.E) % 1) * 9.5, i % 4 ? 0.03 : 0.05]);

/**
 * Draw the moon and the landers on it.
 * @param {HTMLCanvasElement} canvas
 * @param {[string, import('./flight.js').Flight][]} flights names of PILOTS with their flights, the last on top
 */
export function draw(canvas, flights) {
  const pixels = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  if (canvas.width !== pixels) {
    canvas.width = pixels;
    canvas.height = Math.round((pixels * 2) / 3);
  }
  const context = canvas.getContext('2d');
  const scale = canvas.width / WIDTH;
  context.setTransform(scale, 0, 0, -scale, 0, canvas.height);
  context.fillStyle = '#0b0f16';
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = '#aab4c0';
  for (const [x, y, size] of STARS) context.fillRect(x, y, size, size);
  drawGround(context, flights[0][1].environment.ground);
  for (const [name, flight] of flights) drawLander(context, flight, PILOTS[name], flights.length > 1);
}

function drawGround(context, points) {
  fill(context, '#6b7480', [[0, 0], ...points, [WIDTH, 0]]);
  fill(context, '#e8ecf1', [[PAD.left, PAD.y - 0.06], [PAD.right, PAD.y - 0.06], [PAD.right, PAD.y], [PAD.left, PAD.y]]);
  for (const x of [PAD.left, PAD.right]) {
    fill(context, '#e8ecf1', [[x - 0.03, PAD.y], [x + 0.03, PAD.y], [x + 0.03, PAD.y + 1.67], [x - 0.03, PAD.y + 1.67]]);
    fill(context, '#e6c84f', [[x, PAD.y + 1.67], [x, PAD.y + 1.3], [x + 0.8, PAD.y + 1.48]]);
  }
}

function drawLander(context, flight, pilot, named) {
  const [body, ...legs] = flight.environment.bodies;
  const { main, side } = flight.engines;
  if (main > 0) fill(context, '#ffd166', placed(body, [[-0.2, -0.35], [0.2, -0.35], [0, -0.4 - 0.9 * main]]));
  if (side !== 0) fill(context, '#ffd166', placed(body, [[-0.55 * side, 0.3], [-0.55 * side, 0.5], [-1.05 * side, 0.4]]));
  for (const leg of legs) fill(context, pilot.leg, placed(leg, LEG));
  fill(context, pilot.body, placed(body, BODY));
  const above = body[1] > HEIGHT + 0.3;
  if (above) fill(context, pilot.body, [[body[0] - 0.25, HEIGHT - 0.5], [body[0] + 0.25, HEIGHT - 0.5], [body[0], HEIGHT - 0.15]]);
  if (named || above) write(context, above ? `${pilot.label}, ${(body[1] - HEIGHT).toFixed(0)} m above` : pilot.label, body[0], above ? HEIGHT - 1 : body[1] + 0.9, pilot.leg);
}

/** Corners of a body in the world. */
function placed([x, y, angle], corners) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return corners.map(([u, v]) => [x + u * cos - v * sin, y + u * sin + v * cos]);
}

function fill(context, colour, points) {
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = colour;
  context.fill();
}

function write(context, text, x, y, colour) {
  context.save();
  context.translate(Math.min(Math.max(x, 1.5), WIDTH - 1.5), y);
  context.scale(1, -1);
  // Readable on a phone too, where a metre has 16 pixels.
  const size = Math.max(0.5, (12 * devicePixelRatio * WIDTH) / context.canvas.width);
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.fillStyle = colour;
  context.fillText(text, 0, 0);
  context.restore();
}
