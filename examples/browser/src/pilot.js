// A person's hands: which engine fires, by arrow keys while the picture has the focus, or by buttons.

/** Each side engine pushes to its own side: what Gymnasium calls the left one turns the lander left. */
const KEYS = { ArrowLeft: 1, ArrowUp: 2, ArrowRight: 3 };

/** The engine of the key or button that was pressed last and is still down. */
export class Pilot {
  #held = []; // pairs of what is down, a key or a button, and its action
  #onPress;

  /**
   * @param {HTMLElement} view gets the keys
   * @param {Iterable<HTMLElement>} buttons with `data-action`
   * @param {() => boolean} flies whether keys are meant for the lander
   * @param {() => void} onPress called at each press
   */
  constructor(view, buttons, flies, onPress) {
    this.#onPress = onPress;
    view.addEventListener('keydown', (event) => {
      if (!(event.key in KEYS) || !flies() || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // The page would scroll.
      if (!event.repeat) this.#press(event.key, KEYS[event.key]);
    });
    view.addEventListener('keyup', (event) => this.#release(event.key));
    // A button that is pressed takes the focus, and must not be let go with the keys.
    view.addEventListener('blur', () => Object.keys(KEYS).forEach((key) => this.#release(key)));
    for (const button of buttons) this.#listen(button, Number(button.dataset.action));
  }

  /** 0 to 3. */
  get action() {
    return this.#held.at(-1)?.[1] ?? 0;
  }

  letGo() {
    this.#held = [];
  }

  #listen(button, action) {
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      this.#press(button, action);
    });
    button.addEventListener('keydown', (event) => {
      if ((event.key === ' ' || event.key === 'Enter') && !event.repeat) this.#press(button, action);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture', 'keyup', 'blur']) {
      button.addEventListener(name, () => this.#release(button));
    }
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // A long press on a phone.
  }

  #press(what, action) {
    this.#release(what);
    this.#held.push([what, action]);
    this.#onPress();
  }

  #release(what) {
    this.#held = this.#held.filter(([one]) => one !== what);
  }
}
