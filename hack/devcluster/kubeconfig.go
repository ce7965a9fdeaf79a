package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigHeader marks the files this command may replace.
const kubeconfigHeader = "# Written by devcluster, which replaces it at every start.\n"

// adminAccess is how an administrator reaches this run of the server.
type adminAccess struct {
	url string
	ca  []byte
	keyPair
}

func (a adminAccess) restConfig() *rest.Config {
	return &rest.Config{
		Host:            a.url,
		TLSClientConfig: rest.TLSClientConfig{CAData: a.ca, CertData: a.cert, KeyData: a.key},
	}
}

// write puts a kubeconfig at path, complete or not at all.
func (a adminAccess) write(path string) error {
	const name = "devcluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: a.url, CertificateAuthorityData: a.ca}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: a.cert, ClientKeyData: a.key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return writeFileAtomically(path, append([]byte(kubeconfigHeader), content...))
}

// removeKubeconfig removes what a former run left at path, so that the file's presence means that this run is ready.
// It refuses to touch a kubeconfig that somebody else wrote.
func removeKubeconfig(path string) error {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(content, []byte(kubeconfigHeader)) {
		return fmt.Errorf("%s was not written by devcluster and will not be replaced: choose another --kubeconfig", path)
	}
	return os.Remove(path)
}

// writeFileAtomically writes a file of mode 0600 that is never seen half written.
func writeFileAtomically(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, writeErr := file.Write(content)
	if err := errors.Join(writeErr, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
