module github.com/alipay-operator/alipay-operator

go 1.26.0
