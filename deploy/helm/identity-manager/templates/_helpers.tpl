{{- define "im.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 48 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 48 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "im.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "im.labels" -}}
{{ include "im.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "im.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "im.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "im.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* What every pod has in common: nothing of the cluster, nothing of root. */}}
{{- define "im.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "im.container" -}}
image: {{ include "im.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The environment of a process. rings: which rings of keys it holds; the others it is given as empty. ca: whether it
answers for the embedded CA, or asks other authorities; signs: whether it has the embedded CA's keys; caFiles: whether it has the encrypted files of the embedded CA alone. */}}
{{- define "im.env" -}}
{{- $root := .root }}
{{- range $name, $value := .root.Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
- {name: CONSOLE_BASE_URL, value: {{ printf "https://%s" .root.Values.hosts.console | quote }}}
- {name: SELFSERVICE_BASE_URL, value: {{ printf "https://%s" .root.Values.hosts.selfservice | quote }}}
- {name: PKI_BASE_URL, value: {{ printf "http://%s" (.root.Values.hosts.pki | default .root.Values.hosts.selfservice) | quote }}}
- {name: PROXY_ADDRESSES, value: {{ join "," .root.Values.proxies.addresses | quote }}}
- {name: TRUSTED_PROXIES, value: {{ .root.Values.proxies.count | quote }}}
- {name: EMBEDDED_CA, value: {{ .root.Values.embeddedCa.enabled | quote }}}
{{- if .root.Values.embeddedCa.enabled }}
- {name: CA_ORGANISATION, value: {{ .root.Values.embeddedCa.organisation | quote }}}
{{- if .signs }}
- {name: CA_PASSPHRASE_FILE, value: /run/secrets/ca-passphrase/ca-corporate-passphrase}
{{- else if .ca }}
- {name: CA_PASSPHRASE_FILE, value: ""}
{{- end }}
{{- if .ca }}
- {name: CA_OCSP_PASSPHRASE_FILE, value: /run/secrets/ca-ocsp-passphrase/ca-corporate-ocsp-passphrase}
{{- end }}
{{- end }}
{{- if and .ca .root.Values.connections.secret }}
- {name: CA_CONNECTORS_FILE, value: /connections/connectors.json}
{{- end }}
- {name: SECRET_KEY_FILE, value: /run/secrets/application/secret-key}
- {name: DATABASE_URL_FILE, value: /run/secrets/application/database-url}
- {name: BROKER_URL_FILE, value: /run/secrets/application/broker-url}
{{- range $name, $file := .root.Values.secrets.more }}
- {name: {{ $name }}_FILE, value: /run/secrets/application/{{ $file }}}
{{- end }}
{{- if has "privateKeys" .rings }}
- {name: KEYS_PRIVATE_KEYS_FILE, value: /run/secrets/private-keys/kek-private-keys}
- {name: KEYS_ARCHIVE_FILE, value: /run/secrets/private-keys/kek-archive}
- {name: KEYS_RECOVERY_FILE, value: /run/secrets/private-keys/kek-recovery-keys}
- {name: KEYS_SHARE_TRANSPORT_FILE, value: /run/secrets/private-keys/kek-share-transport}
{{- else }}
- {name: KEYS_PRIVATE_KEYS, value: ""}
- {name: KEYS_ARCHIVE, value: ""}
- {name: KEYS_RECOVERY, value: ""}
- {name: KEYS_SHARE_TRANSPORT, value: ""}
{{- end }}
{{- if has "passphrases" .rings }}
- {name: KEYS_PASSPHRASES_FILE, value: /run/secrets/passphrases/kek-passphrases}
{{- else }}
- {name: KEYS_PASSPHRASES, value: ""}
{{- end }}
{{- if has "other" .rings }}
- {name: KEYS_OTHER_FILE, value: /run/secrets/other/kek-other}
{{- else }}
- {name: KEYS_OTHER, value: ""}
{{- end }}
{{- if has "audit" .rings }}
- {name: AUDIT_KEYS_FILE, value: /run/secrets/audit/audit-keys}
- {name: AUDIT_SIGNING_KEYS_FILE, value: /run/secrets/audit/audit-signing-keys}
{{- else }}
- {name: AUDIT_KEYS, value: ""}
- {name: AUDIT_SIGNING_KEYS, value: ""}
{{- end }}
{{- end }}

{{/* Directory and Secret of a ring. */}}
{{- define "im.ringFolder" -}}
{{- get (dict "privateKeys" "private-keys" "passphrases" "passphrases" "other" "other" "audit" "audit") . }}
{{- end }}

{{- define "im.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: run, mountPath: /var/lib/identity-manager/run}
- {name: application, mountPath: /run/secrets/application, readOnly: true}
{{- range .rings }}
- {name: {{ include "im.ringFolder" . }}, mountPath: /run/secrets/{{ include "im.ringFolder" . }}, readOnly: true}
{{- end }}
{{- if and (or .signs .caFiles) .root.Values.embeddedCa.enabled }}
- {name: ca, mountPath: /var/lib/identity-manager/ca/corporate, readOnly: true}
{{- end }}
{{- if and .signs .root.Values.embeddedCa.enabled }}
- {name: ca-passphrase, mountPath: /run/secrets/ca-passphrase, readOnly: true}
{{- end }}
{{- if and .ca .root.Values.embeddedCa.enabled }}
- {name: ca-ocsp-passphrase, mountPath: /run/secrets/ca-ocsp-passphrase, readOnly: true}
{{- end }}
{{- if and .ca .root.Values.connections.secret }}
- {name: connections, mountPath: /connections, readOnly: true}
{{- end }}
{{- end }}

{{- define "im.volumes" -}}
{{- $root := .root }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
- name: run
  emptyDir: {sizeLimit: 16Mi}
- name: application
  secret: {secretName: {{ .root.Values.secrets.application }}, defaultMode: 288}
{{- range .rings }}
- name: {{ include "im.ringFolder" . }}
  secret: {secretName: {{ get $root.Values.secrets.rings . }}, defaultMode: 288}
{{- end }}
{{- if and (or .signs .caFiles) .root.Values.embeddedCa.enabled }}
- name: ca
  secret: {secretName: {{ .root.Values.embeddedCa.secret }}, defaultMode: 288}
{{- end }}
{{- if and .signs .root.Values.embeddedCa.enabled }}
- name: ca-passphrase
  secret: {secretName: {{ .root.Values.embeddedCa.passphraseSecret }}, defaultMode: 288}
{{- end }}
{{- if and .ca .root.Values.embeddedCa.enabled }}
- name: ca-ocsp-passphrase
  secret: {secretName: {{ .root.Values.embeddedCa.ocspPassphraseSecret }}, defaultMode: 288}
{{- end }}
{{- if and .ca .root.Values.connections.secret }}
- name: connections
  secret: {secretName: {{ .root.Values.connections.secret }}, defaultMode: 288}
{{- end }}
{{- end }}

{{/* Workers and the beat serve nothing: they leave a sign of life in a file. Ten minutes without one, and not before,
because a worker that waits for its broker is not helped by a new start. */}}
{{- define "im.alive" -}}
livenessProbe:
  exec: {command: [python, -I, -S, identity_manager/config/observability/liveness_file.py, "600"]}
  initialDelaySeconds: 60
  periodSeconds: 60
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}
