// Colours of layers: eight hues that the colour-blind tell apart (Okabe and Ito), then lighter, then darker ones.

const hues = [[86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167], [240, 228, 66], [0, 114, 178],
  [213, 94, 0], [153, 153, 153]];

function shade(layer) {
  const round = Math.floor(layer / hues.length) % 3;
  const mix = [[0, 0], [255, 0.55], [0, 0.4]][round];
  return hues[layer % hues.length].map(c => Math.round(c + (mix[0] - c) * mix[1]));
}

export function color(layer) {
  return layer < 0 ? "rgb(128,128,128)" : `rgb(${shade(layer).join(",")})`;
}

// ink is black or white, whatever is easier to read on a layer's colour.
export function ink(layer) {
  const [r, g, b] = (layer < 0 ? [128, 128, 128] : shade(layer)).map(c => {
    c /= 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

// hatch draws over a rectangle the pattern of hidden bytes.
export function hatch(canvas, x, y, w, h, style) {
  canvas.save();
  canvas.beginPath();
  canvas.rect(x, y, w, h);
  canvas.clip();
  canvas.strokeStyle = style;
  canvas.lineWidth = 1.5;
  canvas.beginPath();
  for (let at = x - h - (x - h) % 7; at < x + w; at += 7) {
    canvas.moveTo(at, y + h);
    canvas.lineTo(at + h, y);
  }
  canvas.stroke();
  canvas.restore();
}
