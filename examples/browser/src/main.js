// Starts the page with the policy that came with it.

import { Choosing } from './choosing.js';
import { embeddedPhysics, embeddedPolicy, embeddedSettings } from './embedded.js';
import { Session } from './session.js';

async function start() {
  const { name, seed } = embeddedSettings();
  const physics = await embeddedPhysics();
  let session = null;
  const choosing = new Choosing(physics, (...policy) => {
    session ??= new Session(physics, seed);
    session.fly(...policy);
    tellFault('');
  });
  if (!choosing.open(embeddedPolicy(), name)) tellFault('The policy in this page does not fly: "Another policy" says why.');
  document.documentElement.dataset.ready = 'true';
}

function tellFault(text) {
  const fault = document.getElementById('fault');
  fault.textContent = text;
  fault.hidden = text === '';
}

start().catch((error) => {
  tellFault(`The page could not start: ${error.message}`);
  throw error;
});
