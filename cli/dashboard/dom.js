// Makes and changes elements. All text goes in as text: nothing here parses HTML.

/** The element of this id, which is in the page. */
export const byId = (id) => document.getElementById(id);

/** A new element with these properties and children; strings become text. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') node.className = value;
    else if (name.startsWith('aria-') || name === 'role') node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Gives the element this text; does nothing if it has it already. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Gives the element this class; does nothing if it has it already. */
export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/** Makes the options of a select these pairs of value and text, and keeps what is chosen. */
export function setOptions(select, pairs) {
  const key = JSON.stringify(pairs);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => el('option', { value }, text)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

/** Makes the terms and values of a description list these; elements are kept. */
export function setFacts(list, facts) {
  while (list.children.length > facts.length) list.lastChild.remove();
  facts.forEach(([term, value, note], index) => {
    let item = list.children[index];
    if (!item) {
      item = el('div', {}, el('dt'), el('dd'), el('dd', { class: 'note' }));
      list.append(item);
    }
    setText(item.children[0], term);
    setText(item.children[1], value);
    setText(item.children[2], note ?? '');
  });
}

/** Calls `action` once nothing more has come for so many milliseconds. */
export function settled(action, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };
}
