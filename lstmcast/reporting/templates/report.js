"use strict";
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const packed = atob(document.getElementById("plotly").textContent.trim());
  const bytes = Uint8Array.from(packed, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  for (const [name, figure] of Object.entries(data.figures)) {
    Plotly.newPlot(`figure-${name}`, figure.data, figure.layout, { responsive: true, displaylogo: false });
  }
})();
