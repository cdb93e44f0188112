// One address before one server or several: each new connection goes to the first that takes it, and what is on its way can be lost on
// purpose. It must not know what is said through it.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** `targets()` gives origins, the preferred one first. */
export async function balancer(targets) {
  const open = new Set();
  let isDeaf = false;
  const listener = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.on('close', () => open.delete(client));
    const ask = ([target, ...others]) => {
      if (!target) return client.destroy();
      const { hostname, port } = new URL(target), node = connect(Number(port), hostname);
      node.once('error', () => ask(others));
      node.once('connect', () => {
        node.removeAllListeners('error');
        node.on('error', () => client.destroy());
        node.on('close', () => client.destroy());
        client.on('close', () => node.destroy());
        node.on('data', (bytes) => isDeaf || client.write(bytes));
        client.pipe(node);
      });
      return null;
    };
    ask(targets());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => { for (const client of open) client.destroy(); };
  return {
    origin: `http://127.0.0.1:${listener.address().port}`,
    /** Whether answers are lost while questions still arrive. */
    deafen(is) { isDeaf = is; },
    cut,
    end() {
      listener.close();
      cut();
    },
  };
}
