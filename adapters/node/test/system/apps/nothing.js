'use strict';

console.log('no server here');
