/** What is wrong with a document, as far as tags, attributes and entities go; undefined if nothing. */
export function findXmlFault(text: string): string | undefined {
  const open: string[] = [];
  let end = 0;
  for (const match of text.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const [tag, closing, name = "", , empty] = match;
    const between = text.slice(end, match.index);
    if (/[<]|&(?!(?:amp|lt|gt|quot);)/.test(between)) return `text ${JSON.stringify(between)}`;
    end = match.index + tag.length;
    if (closing === "/") {
      if (open.pop() !== name) return `</${name}> closes nothing`;
    } else if (empty !== "/") open.push(name);
  }
  if (text.slice(end).trim() !== "") return `after the end: ${text.slice(end)}`;
  return open.length === 0 ? undefined : `${open.join(", ")} left open`;
}
