// What Python found, written by tests/examples/test_javascript.py; and what the tests read.

import { readFileSync } from 'node:fs';

export const expected = JSON.parse(readFileSync(process.env.LANDER_EXPECTED, 'utf-8'));

export const physics = new WebAssembly.Module(readFileSync(new URL('../../../build/browser/lander.wasm', import.meta.url)));
