// One step at a time: a picture is drawn, the network is asked, its answer is shown.
import * as ort from './ort.wasm.min.mjs';
import { pixelsOf, softmax } from './pictures.js';

const PACE = 120; // Milliseconds a step: a Doom policy acts every third or fourth of 35 frames a second.
const find = (id) => document.getElementById(id);

async function load() {
  const episode = await (await fetched('episode.json')).json();
  const unpacked = (await fetched('episode.bin')).body.pipeThrough(new DecompressionStream('gzip'));
  const bytes = new Uint8Array(await new Response(unpacked).arrayBuffer());
  // Threads would need headers that a plain server does not send.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL('./', import.meta.url).href;
  const session = await ort.InferenceSession.create('policy.onnx', { executionProviders: ['wasm'] });
  return { episode, bytes, session, size: episode.shape.reduce((one, other) => one * other, 1) };
}

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: the server answers ${response.status}`);
  return response;
}

async function ask({ episode, bytes, session, size }, step) {
  const pixels = bytes.slice(step * size, (step + 1) * size);
  const outputs = await session.run({ obs: new ort.Tensor('uint8', pixels, [1, ...episode.shape]) });
  return { action: Number(outputs.action.data[0]), logits: outputs.logits.data };
}

function table(names) {
  return names.map((name) => {
    const row = find('actions').insertRow();
    const heading = document.createElement('th');
    heading.scope = 'row';
    heading.textContent = name;
    const meter = document.createElement('meter');
    meter.setAttribute('aria-label', name);
    row.append(heading);
    const share = row.insertCell();
    share.className = 'share';
    share.append(meter);
    const number = row.insertCell();
    number.className = 'number';
    return { row, meter, number };
  });
}

function start(loaded) {
  const { episode, bytes, size } = loaded;
  const rows = table(episode.actions);
  const canvas = find('picture');
  [canvas.width, canvas.height] = [episode.picture.width, episode.picture.height];
  const context = canvas.getContext('2d');
  const slider = find('slider');
  let playing = null;
  let waiting = Promise.resolve(); // A session takes one question at a time.

  const show = (step) => {
    waiting = waiting.then(async () => {
      const { action, logits } = await ask(loaded, step);
      const { width, height } = episode.picture;
      context.putImageData(new ImageData(pixelsOf(bytes, size, episode.picture, step), width, height), 0, 0);
      softmax(logits).forEach((share, number) => {
        rows[number].meter.value = share;
        rows[number].number.textContent = `${(100 * share).toFixed(1)}%`;
        rows[number].row.className = number === action ? 'chosen' : '';
      });
      slider.value = step;
      find('step').textContent = `${step + 1} of ${episode.steps}`;
      find('now').textContent = `It would choose: ${episode.actions[action]}`;
    });
    return waiting;
  };

  const stop = () => {
    clearTimeout(playing);
    playing = null;
    find('play').textContent = 'Play';
  };

  const next = async () => {
    const step = (Number(slider.value) + 1) % episode.steps;
    await show(step);
    if (playing === null) return;
    if (step === episode.steps - 1) stop();
    else playing = setTimeout(next, PACE);
  };

  find('play').onclick = () => {
    if (playing !== null) return stop();
    find('play').textContent = 'Pause';
    playing = setTimeout(next, 0);
  };
  slider.oninput = () => {
    stop();
    show(Number(slider.value));
  };
  find('check').onclick = () => {
    stop();
    waiting = waiting.then(async () => {
      const differences = [];
      let same = 0;
      for (let step = 0; step < episode.steps; step++) {
        const { action, logits } = await ask(loaded, step);
        const recorded = episode.logits[step];
        same += action === recorded.indexOf(Math.max(...recorded));
        differences.push(...Array.from(logits, (logit, number) => Math.abs(logit - recorded[number])));
      }
      const apart = Math.max(...differences).toExponential(1);
      find('result').textContent = `${same} of ${episode.steps} actions are those of ONNX Runtime; logits are at most ${apart} apart.`;
    });
  };

  find('env').textContent = `${episode.env}, seed ${episode.seed}, return ${episode.return.toFixed(1)}`;
  slider.max = episode.steps - 1;
  return show(0).then(() => {
    for (const id of ['play', 'slider', 'check']) find(id).disabled = false;
    document.documentElement.dataset.ready = 'true';
  });
}

load().then(start).catch((error) => {
  find('fault').textContent = `This page cannot run: ${error.message}`;
  find('fault').hidden = false;
  find('now').textContent = '';
});
