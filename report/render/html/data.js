// What the program wrote into the page: sections as JSON, tables as compressed columns.

// sectionData returns a section of the document, or nothing.
export function sectionData(name) {
  const e = document.getElementById("data-" + name);
  if (!e) return null;
  const data = JSON.parse(e.textContent);
  e.remove(); // its text would stay in memory
  return data;
}

// tableData unpacks a table: numbers become typed arrays, names one array of bytes.
export async function tableData(name) {
  const raw = sectionData(name);
  if (!raw) return null;
  const table = {};
  await Promise.all(raw.columns.map(async column => {
    const data = column.data;
    column.data = null;
    const bytes = await inflate(data);
    table[column.name] = column.kind === "names" ? bytes : numbersOf(bytes, column);
  }));
  return table;
}

async function inflate(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// numbersOf reads varints of seven bits a byte, the lowest first.
function numbersOf(bytes, column) {
  const signed = column.kind === "signed";
  const list = new (arrayFor(column.most, signed))(column.count);
  for (let i = 0, at = 0; i < list.length; i++) {
    let b = bytes[at++], value = b & 127, scale = 128;
    while (b > 127) {
      b = bytes[at++];
      value += (b & 127) * scale;
      scale *= 128;
    }
    list[i] = signed ? (value % 2 ? -(value + 1) / 2 : value / 2) : value;
  }
  return list;
}

function arrayFor(most, signed) {
  if (signed) return most < 2 ** 31 ? Int32Array : Float64Array;
  if (most < 256) return Uint8Array;
  if (most < 65536) return Uint16Array;
  return most < 2 ** 32 ? Uint32Array : Float64Array;
}
