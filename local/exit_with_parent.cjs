// Loaded into Azurite's process (NODE_OPTIONS=--require): when the process that started it is gone, however it
// ended, the pipe on stdin closes and Azurite stops as on SIGTERM.
"use strict";
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume();
// waiting for that must not keep a process alive that has closed its servers
process.stdin.unref();
