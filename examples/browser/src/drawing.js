// The picture: the 20 x 13.33 metres that Gymnasium draws, and some sky above, since that is where a lander begins.

const WIDTH = 20;
const HEIGHT = 400 / 30;
const TOP = 14.8;
const PAD = { left: 8, right: 12, y: HEIGHT / 4 };
const BODY = [[-14, 17], [-17, 0], [-17, -10], [17, -10], [17, 0], [14, 17]].map(([x, y]) => [x / 30, y / 30]);
const LEG = [[-2, -8], [2, -8], [2, 8], [-2, 8]].map(([x, y]) => [x / 30, y / 30]);
const PILOTS = {
  policy: { body: '#4aa3df', leg: '#8cc4ea', label: 'policy' },
  you: { body: '#ff8a3d', leg: '#ffb98a', label: 'you' },
};
const NEAR = 2.5; // metres: closer than this, two labels would cover a lander
// Multiples of two irrational numbers: spread evenly, and the same every time.
const STARS = Array.from({ length: 70 }, (_, i) => [((i * Math.SQRT2) % 1) * WIDTH, TOP - ((i * Math.E) % 1) * 11, i % 4 ? 0.03 : 0.05]);

/**
 * Draw the moon and the landers on it.
 * @param {HTMLCanvasElement} canvas
 * @param {[string, import('./flight.js').Flight][]} flights names of PILOTS with their flights, the last on top
 * @param {number} fraction of the step that is drawn: in slow motion a step lasts several pictures
 */
export function draw(canvas, flights, fraction) {
  const pixels = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  if (canvas.width !== pixels) {
    canvas.width = pixels;
    canvas.height = Math.round((pixels * TOP) / WIDTH);
  }
  const context = canvas.getContext('2d');
  const scale = canvas.width / WIDTH;
  context.setTransform(scale, 0, 0, -scale, 0, canvas.height);
  context.fillStyle = '#0b0f16';
  context.fillRect(0, 0, WIDTH, TOP);
  context.fillStyle = '#aab4c0';
  for (const [x, y, size] of STARS) context.fillRect(x, y, size, size);
  const { environment } = flights[0][1];
  drawGround(context, environment.ground);
  if (environment.options.enable_wind) drawWind(context, flights.at(-1)[1].environment);
  const shown = flights.map(([name, flight]) => ({ flight, pilot: PILOTS[name], bodies: flight.bodiesAt(fraction) }));
  shown.forEach(({ flight, pilot, bodies }, i) => {
    const behind = i < shown.length - 1;
    context.globalAlpha = behind ? 0.6 : 1;
    drawLander(context, bodies, flight.engines, pilot);
    context.globalAlpha = 1;
    const covered = behind && distance(bodies[0], shown.at(-1).bodies[0]) < NEAR;
    drawLabel(context, bodies[0], pilot, shown.length > 1 && !covered);
  });
}

function drawGround(context, points) {
  fill(context, '#6b7480', [[0, 0], ...points, [WIDTH, 0]]);
  fill(context, '#e8ecf1', [[PAD.left, PAD.y - 0.06], [PAD.right, PAD.y - 0.06], [PAD.right, PAD.y], [PAD.left, PAD.y]]);
  for (const x of [PAD.left, PAD.right]) {
    fill(context, '#e8ecf1', [[x - 0.03, PAD.y], [x + 0.03, PAD.y], [x + 0.03, PAD.y + 1.67], [x - 0.03, PAD.y + 1.67]]);
    fill(context, '#e6c84f', [[x, PAD.y + 1.67], [x, PAD.y + 1.3], [x + 0.8, PAD.y + 1.48]]);
  }
}

/** An arrow as long as the wind is strong. */
function drawWind(context, { wind, options }) {
  const [x, y, reach] = [WIDTH - 3, TOP - 1.6, (2 * wind) / Math.max(options.wind_power, 1)];
  const head = Math.sign(reach) * Math.min(0.4, Math.abs(reach));
  fill(context, '#9fd8c8', [[x, y - 0.06], [x + reach - head, y - 0.06], [x + reach - head, y + 0.06], [x, y + 0.06]]);
  fill(context, '#9fd8c8', [[x + reach - head, y - 0.25], [x + reach, y], [x + reach - head, y + 0.25]]);
  write(context, 'wind', x, y + 0.5, '#9fd8c8');
}

function drawLander(context, [body, ...legs], { main, side }, pilot) {
  if (main > 0) fill(context, '#ffd166', placed(body, [[-0.2, -0.35], [0.2, -0.35], [0, -0.4 - 0.9 * main]]));
  if (side !== 0) fill(context, '#ffd166', placed(body, [[-0.55 * side, 0.3], [-0.55 * side, 0.5], [-1.05 * side, 0.4]]));
  for (const leg of legs) fill(context, pilot.leg, placed(leg, LEG));
  fill(context, pilot.body, placed(body, BODY));
}

/** Above the lander, beside it where there is no room above, or at the edge with an arrow if it is out of sight. */
function drawLabel(context, [x, y], pilot, named) {
  if (y > TOP) {
    fill(context, pilot.body, [[x - 0.25, TOP - 0.5], [x + 0.25, TOP - 0.5], [x, TOP - 0.15]]);
    write(context, `${pilot.label}, ${(y - HEIGHT).toFixed(0)} m above`, x, TOP - 0.7 - letters(context), pilot.leg);
  } else if (named && y + 0.95 + letters(context) < TOP) write(context, pilot.label, x, y + 0.95, pilot.leg);
  else if (named) write(context, pilot.label, x + 1, y - 0.2, pilot.leg, 'left');
}

/** The height of letters in metres: readable on a phone too, where a metre has 16 pixels. */
function letters(context) {
  return Math.max(0.5, (12 * devicePixelRatio * WIDTH) / context.canvas.width);
}

function distance([x, y], [u, v]) {
  return Math.hypot(x - u, y - v);
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

function write(context, text, x, y, colour, align = 'center') {
  context.save();
  context.font = `${letters(context)}px system-ui, sans-serif`;
  context.textAlign = align;
  context.fillStyle = colour;
  // Whole, also at an edge.
  const width = context.measureText(text).width + 0.2;
  const [before, after] = align === 'center' ? [width / 2, width / 2] : [0.2, width];
  context.translate(Math.min(Math.max(x, before), WIDTH - after), y);
  context.scale(1, -1);
  context.fillText(text, 0, 0);
  context.restore();
}
