/**
 * The number types of the engine's subset. The engine is one source that two compilers read: AssemblyScript makes the
 * WebAssembly that runs in production, where these are machine types; `tsc` makes the plain JavaScript twin, where both
 * are `number`. Rules of the subset: no strings, arrays, closures, objects or exceptions; integer division is written
 * `(a / b) | 0`; a product that may pass 2^31 is written `mul(a, b)`; unsigned order is asked with `ltu(a, b)`.
 */
declare type i32 = number;
declare type f64 = number;
