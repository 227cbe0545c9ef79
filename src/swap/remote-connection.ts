/**
 * The connection of a remote device's worker to its server or cluster, with the package `redis`; like remote-worker.ts it is used as text, and
 * refers to nothing but what it is given.
 *
 * Nothing is sent twice, and nothing is kept to be sent later: what fails has failed. The client makes no connection by itself; this does,
 * after 50 ms, then after twice as long each time, up to 2 s. One that has lasted starts anew.
 */

export type Arguments = (string | Uint8Array)[];
/** Send a command that concerns a key; bulk strings come back as buffers. */
export type Send = (key: string, readonly: boolean, args: Arguments) => Promise<unknown>;

/** What is needed to connect. */
export interface ConnectionData {
  /** The file of the client's package. */
  readonly client: string;
  readonly urls: readonly string[];
  readonly ca: string | undefined;
  /** Milliseconds that an answer may take. */
  readonly timeout: number;
}

/** What is used of the package `redis`. */
interface Connection {
  /** "node-error", of a cluster: a connection to one of its nodes is lost, and would not be made again. */
  on(event: "error" | "node-error", listener: (error: Error) => void): void;
  connect(): Promise<unknown>;
  destroy(): void;
}
interface Single extends Connection {
  sendCommand(args: Arguments, options?: object): Promise<unknown>;
}
interface Cluster extends Connection {
  sendCommand(key: string, readonly: boolean, args: Arguments, options?: object): Promise<unknown>;
}
interface Library {
  createClient(options: object): Single;
  createCluster(options: object): Cluster;
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
  /** What a server answers that is an error. */
  readonly ErrorReply: new () => Error;
}

/** Connect, and again whenever it is lost, until `isOver()`. Returns what gives a connection up. */
export function remoteConnection(
  { client, urls, ca, timeout }: ConnectionData,
  load: (name: string) => unknown,
  { up, down, isOver }: { up: (send: Send) => void; down: (why: unknown) => void; isOver: () => boolean },
): (why: Error) => void {
  type Lose = (error: Error) => void;
  let lose: Lose = () => undefined;

  const within = async <T>(promise: Promise<T>): Promise<T> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeout} ms`)), timeout);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const destroy = (connection: Connection | undefined): void => {
    try {
      connection?.destroy();
    } catch {
      // It is closed already.
    }
  };

  /** Send; what fails otherwise than by a server's answer says that the connection is lost, if nothing else does. */
  const watched = (library: Library, heard: Lose, sent: Promise<unknown>): Promise<unknown> =>
    sent.catch((error) => {
      if (!(error instanceof library.ErrorReply)) heard(error);
      throw error;
    });

  const openCluster = async (
    library: Library,
    url: string,
    { common, socket }: { common: object; socket: object },
    heard: Lose,
  ): Promise<Cluster> => {
    const { username, password, protocol } = new URL(url);
    const cluster = library.createCluster({
      rootNodes: urls.map((one) => ({ url: one, socket: { ...socket } })),
      defaults: {
        ...(username !== "" && { username: decodeURIComponent(username) }),
        ...(password !== "" && { password: decodeURIComponent(password) }),
        socket: { ...socket, ...(protocol === "rediss:" && { tls: true }) },
        ...common,
      },
      maxCommandRedirections: 4,
    });
    cluster.on("error", heard);
    cluster.on("node-error", heard);
    try {
      await within(cluster.connect());
    } catch (error) {
      destroy(cluster);
      throw error;
    }
    return cluster;
  };

  /** By the first server that answers; it says whether it is one of a cluster. */
  const open = async (heard: Lose): Promise<{ connection: Connection; send: Send }> => {
    const library = load(client) as Library;
    const reply = { typeMapping: { [library.RESP_TYPES.BLOB_STRING]: Buffer } };
    const socket = { connectTimeout: timeout, reconnectStrategy: false, ...(ca !== undefined && { ca }) };
    const common = { disableOfflineQueue: true, commandOptions: { timeout: undefined } };
    let failure: unknown;
    for (const url of urls) {
      const single = library.createClient({ url, socket: { ...socket }, ...common });
      let isUsed = true;
      single.on("error", (error) => {
        if (isUsed) heard(error);
      });
      try {
        await within(single.connect());
        const info = String(await within(single.sendCommand(["INFO", "cluster"])));
        if (!/^cluster_enabled:1/m.test(info)) {
          return {
            connection: single,
            send: (_, __, args) => watched(library, heard, single.sendCommand(args, reply)),
          };
        }
      } catch (error) {
        failure = error;
        destroy(single);
        continue;
      }
      isUsed = false;
      destroy(single);
      const cluster = await openCluster(library, url, { common, socket }, heard);
      const send: Send = (key, readonly, args) =>
        watched(library, heard, cluster.sendCommand(key, readonly, args, reply));
      return { connection: cluster, send };
    }
    throw failure;
  };

  const keep = async (): Promise<void> => {
    let pause = 50;
    while (!isOver()) {
      const since = Date.now();
      let opened: { connection: Connection; send: Send } | undefined;
      try {
        const lost = new Promise<Error>((done) => {
          lose = done;
        });
        // What an earlier connection still has to say concerns this one no more.
        opened = await open(lose);
        up(opened.send);
        throw await lost;
      } catch (error) {
        lose = () => undefined;
        down(error);
        destroy(opened?.connection);
      }
      if (Date.now() - since > 5000) pause = 50;
      const wait = pause * (0.75 + Math.random() / 2);
      await new Promise<void>((done) => setTimeout(done, wait));
      pause = Math.min(2 * pause, 2000);
    }
  };
  keep();
  return (why) => lose(why);
}
