'use strict';

const crypto = require('node:crypto');

// Express has no protection against forged forms: each session has a token, and every form must bring it back.
function makeToken(req, res, next) {
  req.session.token ??= crypto.randomBytes(24).toString('base64url');
  res.locals.token = req.session.token;
  next();
}

function checkToken(req, res, next) {
  if (['GET', 'HEAD', 'OPTIONS'].includes(req.method) || same(req.body?.token, req.session.token)) return next();
  const refusal = new Error('This form is not from here, or too old. Reload the page and try again.');
  return next(Object.assign(refusal, { status: 403 }));
}

function same(given, wanted) {
  const [a, b] = [Buffer.from(String(given ?? '')), Buffer.from(wanted)];
  return a.length === b.length && crypto.timingSafeEqual(a, b);
}

module.exports = { makeToken, checkToken };
