// `node --import swiftiply-node/register server.js`: the program's `listen` dials the proxy.
import './register.js';
