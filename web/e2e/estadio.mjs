/**
 * Starts and stops the real program for the end-to-end tests.
 *
 * It runs as `estadio all` on a data directory of its own. Its JSON log has a line with the message
 * "serving", and that line has its address. The caller stops it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Longest wait for the program to serve, and for it to drain and end. */
const startMs = 30_000;
const stopMs = 15_000;

/**
 * @typedef {object} Estadio
 * @property {string} origin  The address that it serves, e.g. "http://127.0.0.1:43211".
 * @property {string} address  The same for `--http`, to start it again on the same port.
 * @property {() => Promise<void>} stop  Ends it with SIGTERM, and with SIGKILL after 15 seconds.
 */

/**
 * @param {{ binary: string, data: string, http?: string }} options
 * @returns {Promise<Estadio>}
 */
export async function startEstadio({ binary, data, http = '127.0.0.1:0' }) {
  const flags = ['all', '--data', data, '--http', http, '--log-format', 'json'];
  const child = spawn(binary, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  /** @type {Promise<unknown>} */
  const ended = once(child, 'close');

  const stop = async () => {
    const kill = setTimeout(() => child.kill('SIGKILL'), stopMs);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(kill);
  };

  try {
    const address = await addressOf(child);
    return { origin: `http://${address}`, address, stop };
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw error;
  }
}

/**
 * @param {import('node:child_process').ChildProcessByStdio<null, null, import('node:stream').Readable>} child
 * @returns {Promise<string>}
 */
function addressOf(child) {
  return new Promise((resolve, reject) => {
    /** @type {string[]} */
    const said = [];
    /** @param {string} why */
    const fail = (why) => {
      reject(new Error(`estadio ${why}. It said:\n${said.join('\n')}`));
    };
    const timer = setTimeout(() => {
      fail(`did not serve within ${startMs} ms`);
    }, startMs);
    child.once('error', (error) => {
      fail(`could not be started: ${error.message}`);
    });
    child.once('close', (code) => {
      fail(`ended with ${String(code)} before it served`);
    });
    // The pipe is read to its end, also after the address: a full one would stop the program.
    createInterface({ input: child.stderr }).on('line', (line) => {
      const address = servingAddress(line);
      if (address === null) {
        said.push(line);
        return;
      }
      clearTimeout(timer);
      resolve(address);
    });
  });
}

/**
 * @param {string} line
 * @returns {string | null}
 */
function servingAddress(line) {
  /** @type {unknown} */
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof entry !== 'object' || entry === null) return null;
  if (!('message' in entry) || entry.message !== 'serving') return null;
  return 'address' in entry && typeof entry.address === 'string' ? entry.address : null;
}
