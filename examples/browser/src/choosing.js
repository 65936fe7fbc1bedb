// Another policy: a file that is dropped or chosen, opened and checked, or refused with the reason.

import { environmentOf } from '../../node/lib/episodes.js';
import { Refused } from '../../node/lib/onnx.js';
import { OutputUnclear, openPolicy } from '../../node/lib/policy.js';

const element = (id) => document.getElementById(id);

/** The part of the page where a file comes in. */
export class Choosing {
  #bytes = null;
  #name = '';

  /**
   * @param {WebAssembly.Module} physics
   * @param {(policy: object, name: string, output?: string) => void} onPolicy
   */
  constructor(physics, onPolicy) {
    this.physics = physics;
    this.onPolicy = onPolicy;
    element('file').addEventListener('change', ({ target }) => this.take(target.files[0]));
    element('output').addEventListener('change', ({ target }) => target.value && this.#open(target.value));
    this.#acceptDrops();
  }

  /** Read a file and open it. */
  async take(file) {
    if (!file) return;
    this.open(new Uint8Array(await file.arrayBuffer()), file.name);
  }

  /** Hand the policy on, or say why not; returns whether it was accepted. */
  open(bytes, name) {
    this.#name = name;
    this.#bytes = bytes;
    element('output-label').hidden = true;
    return this.#open();
  }

  #open(output) {
    try {
      const policy = openPolicy(this.#bytes, output === undefined ? {} : { output });
      environmentOf(this.physics, policy);
      tell(`${this.#name}: ${accepted(policy)}`);
      this.onPolicy(policy, this.#name, output);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      tell(`${this.#name} is refused. ${error.message}`, true);
      if (error instanceof OutputUnclear) this.#ask(error.outputs);
      return false;
    }
  }

  #ask(outputs) {
    const options = ['', ...outputs].map((name) => Object.assign(document.createElement('option'), { value: name, textContent: name || 'choose' }));
    element('output').replaceChildren(...options);
    element('output-label').hidden = false;
  }

  /** Files may be dropped anywhere: a browser would open them in place of the page. */
  #acceptDrops() {
    const over = (event, is) => {
      event.preventDefault();
      element('drop').classList.toggle('over', is);
    };
    addEventListener('dragover', (event) => over(event, true));
    addEventListener('dragleave', (event) => over(event, false));
    addEventListener('drop', (event) => {
      over(event, false);
      this.take(event.dataTransfer.files[0]);
    });
  }
}

function accepted(policy) {
  if (policy.difference === null) return policy.assumptions.join(' ');
  return `it passes its golden vectors, largest difference ${policy.difference.toExponential(1)}.`;
}

function tell(text, refused = false) {
  element('file-told').textContent = text;
  element('file-told').classList.toggle('refused', refused);
}
