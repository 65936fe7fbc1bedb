// A person's hands: which engine fires, by arrow keys while the picture has the focus, or by buttons.

/** Each side engine pushes to its own side: what Gymnasium calls the left one turns the lander left. */
const KEYS = { ArrowLeft: 1, ArrowUp: 2, ArrowRight: 3 };

/** The engine of the key or button that was pressed last and is still down. */
export class Pilot {
  #held = [];
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
      if (!event.repeat) this.#press(KEYS[event.key]);
    });
    view.addEventListener('keyup', (event) => this.#release(KEYS[event.key]));
    view.addEventListener('blur', () => this.letGo());
    for (const button of buttons) this.#listen(button, Number(button.dataset.action));
  }

  /** 0 to 3. */
  get action() {
    return this.#held.at(-1) ?? 0;
  }

  letGo() {
    this.#held = [];
  }

  #listen(button, action) {
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      this.#press(action);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(name, () => this.#release(action));
    button.addEventListener('keydown', (event) => {
      if ((event.key === ' ' || event.key === 'Enter') && !event.repeat) this.#press(action);
    });
    button.addEventListener('keyup', () => this.#release(action));
    button.addEventListener('blur', () => this.#release(action));
    button.addEventListener('contextmenu', (event) => event.preventDefault()); // A long press on a phone.
  }

  #press(action) {
    this.#release(action);
    this.#held.push(action);
    this.#onPress();
  }

  #release(action) {
    this.#held = this.#held.filter((one) => one !== action);
  }
}
