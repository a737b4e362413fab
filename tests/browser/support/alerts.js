// Webhook requests as Alertmanager sends them.

const NEVER = "0001-01-01T00:00:00Z";

/** An alert that started `minutes` ago, firing unless `resolved`. */
export function alert(labels, { annotations = {}, minutes = 5, resolved = false, ...rest } = {}) {
  const since = new Date(Date.now() - minutes * 60_000);
  return {
    status: resolved ? "resolved" : "firing",
    labels,
    annotations,
    startsAt: since.toISOString(),
    endsAt: resolved ? new Date().toISOString() : NEVER,
    generatorURL: "http://prometheus.example:9090/graph?g0.expr=up",
    ...rest,
  };
}

/** Sends alerts as one webhook request of Alertmanager. */
export function deliver(server, ...alerts) {
  return server.api("POST", "webhooks/alertmanager", {
    version: "4",
    groupKey: '{}:{alertname="x"}',
    truncatedAlerts: 0,
    status: alerts.some((alert) => alert.status === "firing") ? "firing" : "resolved",
    receiver: "tocsin",
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: "http://alertmanager.example:9093",
    alerts,
  });
}
