import http from 'node:http';
import express5 from './express5.js';

// An ES module with a server of its own.
http.createServer(express5).listen({ port: 3000, host: '127.0.0.1' }, () => console.log('listening'));
