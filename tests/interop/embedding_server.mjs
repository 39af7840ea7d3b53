// A server that has embeddings as OpenAI's has: of any text, always the same, another for each model.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

// Whole numbers, so that they are the same as floats and doubles; mostly positive, so that texts are more or less alike.
const embeddingOf = (model, text) => [...createHash("sha256").update(`${model}\n${text}`).digest()].map((byte) => byte - 40);

export const startEmbeddingServer = async () => {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    const { model, input, encoding_format: format } = JSON.parse(body);
    const data = [input].flat().map((text, index) => {
      const floats = embeddingOf(model, text);
      const embedding = format === "base64" ? Buffer.from(Float32Array.from(floats).buffer).toString("base64") : floats;
      return { object: "embedding", index, embedding };
    });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", model, data, usage: { prompt_tokens: 1, total_tokens: 1 } }));
  });
  await new Promise((started) => server.listen(0, "127.0.0.1", started));
  return { url: `http://127.0.0.1:${server.address().port}/v1`, stop: () => (server.closeAllConnections(), server.close()) };
};
