// What the page brings along, as blocks of data in its HTML.

/** `{ name, seed }`: what the policy is called, and the seed to begin with or null. */
export function embeddedSettings() {
  return JSON.parse(document.getElementById('settings').textContent);
}

export function embeddedPolicy() {
  return decoded('policy');
}

/** The compiled physics. */
export async function embeddedPhysics() {
  const unpacked = new Blob([decoded('physics')]).stream().pipeThrough(new DecompressionStream('gzip'));
  return WebAssembly.compile(await new Response(unpacked).arrayBuffer());
}

function decoded(id) {
  return Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (letter) => letter.charCodeAt(0));
}
