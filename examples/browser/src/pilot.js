// A person's hands: which engine fires, by arrow keys or by buttons, and the key that goes on.

/** Each side engine pushes to its own side: what Gymnasium calls the left one turns the lander left. */
const KEYS = { ArrowLeft: 1, ArrowUp: 2, ArrowRight: 3 };
const GO = [' ', 'Enter'];

/** The engine of the key or button that was pressed last and is still down. */
export class Pilot {
  #held = []; // pairs of what is down, a key or a button, and its action
  #heard;

  /**
   * @param {HTMLElement} area keys are meant for the lander while the focus is here, or nowhere
   * @param {Iterable<HTMLElement>} buttons with `data-action`
   * @param {{ flies: () => boolean, onPress: () => void, onGo: () => void }} heard whether a person flies; called at
   *   each press; called for Space or Enter
   */
  constructor(area, buttons, heard) {
    this.#heard = heard;
    document.addEventListener('keydown', (event) => {
      const { target } = event;
      const here = target === document.body || (area.contains(target) && !target.matches('input'));
      if (here && heard.flies() && !event.ctrlKey && !event.altKey && !event.metaKey) this.#key(event);
    });
    document.addEventListener('keyup', (event) => this.#release(event.key));
    for (const button of buttons) this.#listen(button, Number(button.dataset.action));
  }

  /** 0 to 3. */
  get action() {
    return this.wanted.at(-1) ?? 0;
  }

  /** All of them, the last one pressed at the end. */
  get wanted() {
    return this.#held.map(([, action]) => action);
  }

  letGo() {
    this.#held = [];
  }

  #key(event) {
    const goes = GO.includes(event.key) && !event.target.matches('button');
    if (!(event.key in KEYS) && !goes) return;
    event.preventDefault(); // The page would scroll.
    if (event.repeat) return;
    if (goes) this.#heard.onGo();
    else this.#press(event.key, KEYS[event.key]);
  }

  #listen(button, action) {
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      this.#press(button, action);
    });
    button.addEventListener('keydown', (event) => {
      if (GO.includes(event.key) && !event.repeat) this.#press(button, action);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture', 'keyup', 'blur']) {
      button.addEventListener(name, () => this.#release(button));
    }
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // A long press on a phone.
  }

  #press(what, action) {
    this.#release(what);
    this.#held.push([what, action]);
    this.#heard.onPress();
  }

  #release(what) {
    this.#held = this.#held.filter(([one]) => one !== what);
  }
}
